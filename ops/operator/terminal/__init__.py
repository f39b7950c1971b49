"""The pipeline on a terminal: the line of its state, the live screen, one look as a page."""
