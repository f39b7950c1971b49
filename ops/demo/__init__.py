"""The whole pipeline live on screen, against the local simulator."""
