"""What `benchmarks.detect_delay` measures besides: the order of polls, and each pair of sources."""
