"""Wait for a Redis server that is still loading its file, and say how far it is.

A file of some hundred megabytes takes minutes on a small machine, so there is no limit while the server gets on; one
that shows no sign of it for `STALLED_S` is given up.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from redis import Redis

from shared.clock import Clock
from shared.domain.errors import BadConfig, DependencyMissing, StillLoading, Unavailable
from shared.redis.client import answering, loading_client, server_address

LOOK_EVERY_S = 0.25
SAY_EVERY_S = 5.0
STALLED_S = 120.0

Tell = Callable[[str], None]
"""Takes a line that says how far it is."""

Pause = Callable[[float], bool]
"""Waits so many seconds; True when told to stop."""


@dataclass(frozen=True)
class LoadingProgress:
    """How far a server is in its file."""

    loaded_bytes: int
    percent: float
    eta_s: int


def loading_progress(info: Mapping[str, object]) -> LoadingProgress | None:
    """Read how far a server is from its INFO; None when it loads nothing, or does not say."""
    if str(info.get("loading", "0")) != "1":
        return None
    loaded, percent, eta_s = (info.get(f"loading_{name}", 0) for name in ("loaded_bytes", "loaded_perc", "eta_seconds"))
    return LoadingProgress(int(str(loaded)), float(str(percent).rstrip("%")), max(0, int(str(eta_s))))


class LoadingWatch:
    """Says how far a server is, at once and every `SAY_EVERY_S`, and gives up one that does not get on."""

    def __init__(self, server: str, clock: Clock, tell: Tell, stalled_s: float = STALLED_S) -> None:
        self._server, self._clock, self._tell, self._stalled_s = server, clock, tell, stalled_s
        self._next_say = self._moved_at = clock.monotonic()
        self._loaded_bytes = -1
        self._said = "it does not answer"

    def saw(self, progress: LoadingProgress) -> None:
        """Take in how far it is.

        Raises:
            DependencyMissing: it has not got on for too long.
        """
        if progress.loaded_bytes != self._loaded_bytes:
            self._moved_at, self._loaded_bytes = self._clock.monotonic(), progress.loaded_bytes
        left = f", about {progress.eta_s} s left" if progress.eta_s else ""
        self._say(f"{progress.percent:.0f}% of its file is read{left}")

    def saw_loading(self) -> None:
        """Take in that it loads, and does not say how far it is: that is not known, so it is not held against it."""
        self._moved_at = self._clock.monotonic()
        self._say("it does not say how far it is")

    def saw_nothing(self) -> None:
        """Take in that it did not answer; raises as `saw` does."""
        self._give_up_stalled()

    def _say(self, said: str) -> None:
        self._said = said
        self._give_up_stalled()
        if self._clock.monotonic() >= self._next_say:
            self._next_say = self._clock.monotonic() + SAY_EVERY_S
            self._tell(f"{self._server} is loading: {said}")

    def _give_up_stalled(self) -> None:
        quiet_s = self._clock.monotonic() - self._moved_at
        if quiet_s > self._stalled_s:
            raise DependencyMissing(
                f"{self._server} does not get on with loading its file for {quiet_s:.0f} s ({self._said}): read its log"
            )


def wait_until_loaded(redis: Redis, *, clock: Clock, tell: Tell, pause: Pause) -> bool:
    """Wait until the server behind `redis` serves; return False when told to stop before.

    Raises:
        Unavailable: it does not answer at all.
        DependencyMissing: it loads its file and does not get on.
        BadConfig: it refuses our user.
    """
    watch: LoadingWatch | None = None
    while True:
        try:
            with answering(redis):
                redis.ping()  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
        except StillLoading:
            watch = watch or LoadingWatch(f"Redis at {server_address(redis)}", clock, tell)
            _look(redis, watch)
        except Unavailable:
            if watch is None:
                raise
            watch.saw_nothing()
        else:
            return True
        if pause(LOOK_EVERY_S):
            return False


def _look(redis: Redis, watch: LoadingWatch) -> None:
    info = _info(redis)
    if progress := loading_progress(info):
        watch.saw(progress)
    elif not info:
        watch.saw_loading()


def _info(redis: Redis) -> dict[str, Any]:
    """Ask how far it is, which it answers while it loads; empty where our user may not ask."""
    try:
        with loading_client(redis) as client, answering(redis):
            return dict(client.info("persistence"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType] - as above
    except (Unavailable, BadConfig):
        return {}
