"""`python -m redeemer.worker`: run the jobs that redeemers enqueue. Start as many as you like, anywhere."""

from shared.early import early

with early("redeemer-worker"):
    from redeemer.bootstrap import WorkerProcess
    from redeemer.config import RedeemerSettings, parse_args
    from shared.broker import connect
    from shared.process import Built, main


def build() -> Built:
    """Read the settings and build the process."""
    settings: RedeemerSettings = parse_args()
    return WorkerProcess(settings), settings, connect(settings.redis_url)


if __name__ == "__main__":
    main("redeemer-worker", build)
