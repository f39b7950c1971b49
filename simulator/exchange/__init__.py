"""The matching engine for signed orders: forms, rules, signatures, matches, trades."""
