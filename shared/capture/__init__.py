"""Captures of the streams: records, segments, checks."""
