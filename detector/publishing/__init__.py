"""Put signals and confirmations on the streams, each exactly once, before cursors move."""
