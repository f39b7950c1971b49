"""`python -m redeemer`: watch paper holdings, and have what resolved redeemed by `python -m redeemer.worker`."""

from shared.process.early_signals import early_signals

with early_signals("redeemer"):
    from redeemer.composition import RedeemerProcess
    from redeemer.config import parse_args
    from shared.process.service_runner import Built, main
    from shared.redis.client import connect_redis


def build() -> Built:
    """Read the settings and build the process."""
    settings = parse_args()
    return RedeemerProcess(settings), settings, connect_redis(settings.redis_url)


if __name__ == "__main__":
    main("redeemer", build)
