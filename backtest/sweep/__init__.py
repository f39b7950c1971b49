"""Sweeps: many backtests of one history with different settings, each one a trial with a score."""
