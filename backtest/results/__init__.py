"""Results of a run: statistics, profit and loss, curves, verdicts. Everything in it is pure."""
