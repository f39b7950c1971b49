"""Histories as people write them, and what a few lines of polars make of the same rows."""
