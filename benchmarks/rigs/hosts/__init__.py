"""Hosts of their own network namespace that share a server in a third, joined by links that can be cut."""
