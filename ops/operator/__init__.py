"""Commands that look at a running pipeline, stop it, or settle what only a person can decide."""
