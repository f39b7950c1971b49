"""Explanations of what became of a fill, and why others were not followed."""
