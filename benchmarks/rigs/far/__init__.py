"""What `benchmarks.far` starts: a server that is far away, and the programs that use it."""
