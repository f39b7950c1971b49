"""Where a server is: forms of its URL, the primary that sentinels name, the prefix of keys."""
