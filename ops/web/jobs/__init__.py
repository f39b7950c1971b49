"""Commands that take long, run as processes of their own from a list of those that are allowed."""
