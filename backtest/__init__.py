"""A captured stream through the same buyer."""
