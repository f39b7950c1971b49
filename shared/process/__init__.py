"""The life of a service as a process: start, signals, heartbeat, health, stop, exit code."""
