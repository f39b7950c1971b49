"""Finish what a crash or a forgetful server left, before anything new is decided."""
