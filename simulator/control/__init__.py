"""The simulator's own API: the truth, and the levers of tests and demos."""
