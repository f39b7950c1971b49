"""Commands that study leaders and settings on past trades."""
