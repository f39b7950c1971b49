"""What a run came to: statistics, profit and loss, curves, verdicts. Everything in it is pure."""
