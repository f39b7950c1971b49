"""Gamma: markets and events."""
