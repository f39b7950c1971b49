"""The matching engine for signed orders: accounts, forms, rules, signatures, matches, trades."""
