"""`python -m ops.alerts`: tell a person who is away, and take commands from the chats that may give them."""

from shared.process.early_signals import early_signals

with early_signals("alerts"):
    from ops.alerts.config import parse_args
    from ops.alerts.process import main

if __name__ == "__main__":
    main(parse_args)
