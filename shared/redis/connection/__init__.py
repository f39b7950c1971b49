"""Where a server is: the forms of its URL, and the primary that sentinels name."""
