"""Reading the venue: endpoints, payloads and one client for each of its APIs."""
