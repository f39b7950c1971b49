"""Requests to upstreams: client, responses, kept-alive connections, statistics."""
