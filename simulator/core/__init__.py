"""The world of the local venue: markets, books, fills, positions, time. One truth behind every upstream."""
