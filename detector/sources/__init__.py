"""One file for each place where a trade can be seen; `detector/domain/source_port.py` says what a source is."""
