"""`python -m redeemer`: watch paper holdings, and have what resolved redeemed by `python -m redeemer.worker`."""

from shared.early import early

with early("redeemer"):
    from redeemer.bootstrap import RedeemerProcess
    from redeemer.config import parse_args
    from shared.broker import connect
    from shared.process import Built, main


def build() -> Built:
    """Read the settings and build the process."""
    settings = parse_args()
    return RedeemerProcess(settings), settings, connect(settings.redis_url)


if __name__ == "__main__":
    main("redeemer", build)
