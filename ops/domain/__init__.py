"""Values gathered from events that operators are shown, and rules of the tools. Everything in it is pure."""
