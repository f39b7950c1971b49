"""What people write to the bot, who may do what, and with which code. Everything in it is pure."""
