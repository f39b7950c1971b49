"""The buyer's values and what follows from them: order states, postings, books, shards. Everything in it is pure."""
