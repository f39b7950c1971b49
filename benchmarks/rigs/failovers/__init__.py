"""Servers that fail over, and programs at work on them."""
