"""Measurements against floors and peers, one command each."""
