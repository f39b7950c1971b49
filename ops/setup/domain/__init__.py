"""Answers, check lines, presets and the redaction of bundles. Everything in it is pure."""
