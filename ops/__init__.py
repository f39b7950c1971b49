"""An operator's tools: command line, screen, all-in-one service, embedded server."""
