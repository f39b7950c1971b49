"""The venue's words on orders and accounts as values: amounts, responses, rows. Everything in it is pure."""
