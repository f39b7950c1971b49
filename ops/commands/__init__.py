"""The commands of `hybrid`, one file a subject; each imports its part when it is called."""
