"""Run all programs under one parent, with the embedded server."""
