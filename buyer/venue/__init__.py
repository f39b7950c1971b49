"""The venues that orders go to: paper walks the real book, `polymarket` trades; each fits `execution/venue_port.py`."""
