"""What an operator is shown, gathered from events as values. Everything in it is pure."""
