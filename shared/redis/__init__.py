"""Redis as everybody uses it: client, scripts, streams, groups, leases, partitions."""
