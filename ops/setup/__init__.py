"""Set an installation up, check it, and pack what a person who helps needs to see."""
