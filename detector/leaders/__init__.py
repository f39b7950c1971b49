"""The leaders that are followed, and which detector watches which of them."""
