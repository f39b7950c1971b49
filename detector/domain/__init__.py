"""Fills, views and drafts of signals, and what follows from comparing them. Everything in it is pure."""
