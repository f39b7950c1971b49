"""The checks of `hybrid doctor`, one subject a file; each says what it found, and the fix."""
