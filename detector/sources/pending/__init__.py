"""Matches before their block: subscriptions of several nodes, and the proof that a match is the operator's own."""
