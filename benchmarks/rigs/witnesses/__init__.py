"""Other people's clients against the local venue, each in an environment of its own."""
