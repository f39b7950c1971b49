"""Doubts about a result: what is unpaid, unknown, assumed, or kept out by our own limits. Everything in it is pure."""
