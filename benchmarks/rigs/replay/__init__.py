"""What `benchmarks.replay` starts and runs: the worker of one tree, the workloads, the profile, the peer."""
