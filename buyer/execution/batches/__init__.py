"""Signals that were read together: judged one after the other, reserved in one round trip, sent side by side."""
