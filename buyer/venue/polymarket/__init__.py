"""Orders on Polymarket with real money: built, signed, sent, found again. The only place that holds signing keys."""
