"""Watch leaders and emit `ACTIONABLE_SIGNAL` for what they trade."""
