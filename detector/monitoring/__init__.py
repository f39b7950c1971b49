"""Statistics, metrics and raw records of the sources."""
