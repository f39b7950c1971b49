"""The public orderbook subgraph."""
