"""Agree on the number of shards, and see the ledger as one shard does."""
