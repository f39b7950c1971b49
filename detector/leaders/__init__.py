"""Who is followed, and which detector watches whom."""
