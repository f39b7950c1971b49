"""Measure how the order of polls tells on the delays: adaptive against round-robin."""
