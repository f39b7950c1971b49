"""Money, markets, errors and ledger values that every service uses. Everything in it is pure."""
