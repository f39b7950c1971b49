"""Candidates and their ranking by what the reports say. Everything in it is pure."""
