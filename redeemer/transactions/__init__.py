"""Sign, send and follow the transactions of one wallet, by itself or through the relayer."""
