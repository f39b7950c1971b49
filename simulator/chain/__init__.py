"""The chain behind a public node and the relayer: blocks, logs, transactions, redemptions, wallet calls."""
