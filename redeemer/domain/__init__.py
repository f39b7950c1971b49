"""Rules of redeeming: what is due, what it pays, how it is sent and what proves it. Everything in it is pure."""
