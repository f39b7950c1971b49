"""The world of the local venue: markets, books, fills, blocks of time. One truth behind every upstream."""
