"""What is kept of an account beside its ledger: marks of its lots, its line of equity, its trades, its limits."""
