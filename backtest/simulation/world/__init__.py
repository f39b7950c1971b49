"""The world of a run: what happens in its markets, taken in as it comes, and the venue that its orders meet."""
