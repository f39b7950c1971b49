"""Transactions that match orders on the exchanges: calldata, amounts, signed bytes. Everything in it is pure."""
