"""The Data API and the activity push feed: rows, pages, cursors, positions, merges."""
