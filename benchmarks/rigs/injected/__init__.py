"""Faults put in on purpose, and the outside witness that catches each: who wrote both sides sees neither."""
