"""Decide what to do with a signal: policy, rules, sizes, fills, exits. Everything in it is pure."""
