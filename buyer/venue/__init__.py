"""Where orders go; `port.py` says what a venue is, `paper.py` walks the real book."""
