"""The board as it changes: read once for all viewers, and sent to each of them."""
