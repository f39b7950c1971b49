"""The check of what was signalled against the venue's own record."""
