"""Signals that were read together: judged one after the other, reserved behind each other, sent side by side."""
