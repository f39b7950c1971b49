"""What two services use: events, streams, gate, ledger, clock, config, wire. It knows no service."""
