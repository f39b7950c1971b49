"""The front door of every upstream: requests, limits, caches, faults, sockets, and who may trade from where."""
