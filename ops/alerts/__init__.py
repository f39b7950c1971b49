"""Messages to a person who is away: what happened, what is wrong, and what to do about it."""
