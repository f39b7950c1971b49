"""`python -m buyer`: decide on signals from the stream, or from a pipe with `--stdin`."""

from shared.process.early_signals import early_signals

with early_signals("buyer"):
    from buyer.composition import BuyerProcess
    from buyer.composition_modes import MODE_STEPS, mode_of
    from buyer.config import parse_args
    from shared.process.service_runner import Built, main
    from shared.redis.client import connect_redis


def build() -> Built:
    """Read the settings and build the process."""
    settings = parse_args()
    if not MODE_STEPS[mode_of(settings)].needs_keys:
        settings = settings.without_keys()
    return BuyerProcess(settings), settings, connect_redis(settings.redis_url)


if __name__ == "__main__":
    main("buyer", build)
