"""Commands that study leaders, settings and captures; and the demo."""
