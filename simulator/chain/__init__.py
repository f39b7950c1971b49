"""The chain behind a public node: blocks, logs, transactions, wallet calls."""
