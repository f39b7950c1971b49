"""Recording of the streams to a file, and reading of what was recorded."""
