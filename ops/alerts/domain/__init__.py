"""Alerts judged: what a person is told, how urgent it is, and when. Everything in it is pure."""
