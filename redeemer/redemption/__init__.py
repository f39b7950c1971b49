"""Redeem resolved conditions: plan, pay, verify, book; on paper or live."""
