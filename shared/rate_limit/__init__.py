"""One request budget for each upstream, shared by all processes."""
