"""What an operator touches: command line, screen, all-in-one service, embedded server."""
