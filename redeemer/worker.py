"""`python -m redeemer.worker`: run the jobs that redeemers enqueue. Start as many as you like, anywhere."""

from shared.process.early_signals import early_signals

with early_signals("redeemer-worker"):
    from redeemer.composition import WorkerProcess
    from redeemer.config import RedeemerSettings, parse_args
    from shared.process.service_runner import Built, main
    from shared.redis.client import connect_redis


def build() -> Built:
    """Read the settings and build the process."""
    settings: RedeemerSettings = parse_args()
    return WorkerProcess(settings), settings, connect_redis(settings.redis_url)


if __name__ == "__main__":
    main("redeemer-worker", build)
