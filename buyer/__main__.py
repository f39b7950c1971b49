"""`python -m buyer`: decide on signals from the stream, or from a pipe with `--stdin`."""

from shared.early import early

with early("buyer"):
    from buyer.bootstrap import BuyerProcess
    from buyer.config import parse_args
    from shared.broker import connect
    from shared.process import Built, main


def build() -> Built:
    """Read the settings and build the process."""
    settings = parse_args()
    return BuyerProcess(settings), settings, connect(settings.redis_url)


if __name__ == "__main__":
    main("buyer", build)
