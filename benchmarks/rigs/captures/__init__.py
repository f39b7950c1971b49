"""Captured payloads against those that the local venue produces: keys, types and forms."""
