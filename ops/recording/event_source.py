"""Events of the past: read from a capture file or from the running system's streams, as often as asked."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

from redis import Redis

from shared.capture.capture import Capture
from shared.domain.errors import Malformed
from shared.messages.base import DECISIONS, REDEMPTIONS, SIDE_STREAMS, SIGHTINGS, SIGNALS
from shared.messages.events import AnyEvent, read_event
from shared.redis.client import answering

Past = Callable[[], Iterator[AnyEvent]]
"""Yields every event from the beginning, each time it is called."""

STREAMS = (SIGNALS, SIGHTINGS, DECISIONS, REDEMPTIONS)
_CHUNK = 250


def of_capture(path: Path) -> Past:
    """Return what a capture holds.

    Raises:
        BadConfig: no such file, or no capture.
    """
    capture = Capture.open(path)

    def read() -> Iterator[AnyEvent]:
        for entry in capture:
            if entry.stream in SIDE_STREAMS:
                continue
            with contextlib.suppress(Malformed):
                yield read_event(entry.json)

    return read


def of_streams(redis: Redis, since_ms: int = 0) -> Past:
    """Return what the streams hold since a moment."""
    return lambda: (event for stream in STREAMS for event in events(redis, stream, since_ms))


def events(redis: Redis, stream: str, since_ms: int = 0) -> Iterator[AnyEvent]:
    """Yield a stream's readable events, published since a moment.

    Raises:
        Unavailable: the server is away.
    """
    low = str(max(0, since_ms))
    while True:
        with answering(redis):
            rows = cast("list[tuple[str, dict[str, str]]]", redis.xrange(stream, min=low, count=_CHUNK))
        for _, fields in rows:
            with contextlib.suppress(Malformed):
                yield read_event(fields.get("json", ""))
        if len(rows) < _CHUNK:
            return
        low = f"({rows[-1][0]}"
