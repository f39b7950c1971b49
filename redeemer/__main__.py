"""`python -m redeemer`: watch holdings, and have what resolved redeemed by `python -m redeemer.worker`."""

from shared.process.early_signals import early_signals

with early_signals("redeemer"):
    import threading
    from typing import Any

    from redeemer.composition import PAPER, build_watcher, redeemer_mode
    from redeemer.config import RedeemerSettings, parse_args
    from redeemer.watcher import ResolutionWatcher
    from shared.process.service_runner import Built, main
    from shared.redis.client import connect_redis


class RedeemerProcess:
    """The watcher as `shared.process.service_runner` runs it: built when it starts, on the process's own stop event."""

    name = "redeemer"

    def __init__(self, settings: RedeemerSettings) -> None:
        self.mode = redeemer_mode(settings)
        self._settings = settings
        self._watcher: ResolutionWatcher | None = None

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop`."""
        self._watcher = build_watcher(self._settings, stop=stop)
        self._settings = self._settings.without_signing_key()  # the address is known: only the worker signs
        self._watcher.run(stop)

    def ready(self) -> bool:
        """Say whether the last scan worked."""
        return self._watcher is not None and self._watcher.ready()

    def snapshot(self) -> dict[str, Any]:
        """Return what was seen and done so far."""
        return self._watcher.snapshot() if self._watcher else {}


def build() -> Built:
    """Read the settings and build the process."""
    settings = parse_args()
    if redeemer_mode(settings) == PAPER:
        settings = settings.without_keys()
    elif settings.signer_address:
        settings = settings.without_signing_key()
    return RedeemerProcess(settings), settings, connect_redis(settings.redis_url)


if __name__ == "__main__":
    main("redeemer", build)
