"""Commands that show a running pipeline, stop it, or end what only a person can decide."""
