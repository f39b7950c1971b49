"""One file for each place where a trade can be seen; `port.py` says what a source is."""
