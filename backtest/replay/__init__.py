"""A captured session through the same buyer again: byte for byte, or each decision by itself."""
