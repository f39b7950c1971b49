"""Simulated runs: the live engine over recorded or modelled markets, one event after the other."""
