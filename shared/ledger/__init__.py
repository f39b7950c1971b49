"""The ledger of balances, records and events: durable, in memory, and as a local copy."""
