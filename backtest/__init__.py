"""Backtests: histories and captured sessions, followed by the live buyer's own engine."""
