"""The questions of `hybrid init`, a look at each answer, and the files that are written in the end."""
