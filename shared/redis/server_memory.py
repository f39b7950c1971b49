"""What a process saw of its server: who it was, and the newest id of each stream; compared on every new connection.

The same run id and the same replication id are the same life of the same server: nothing is asked then. Otherwise the
streams are: one that has not the newest entry that was seen has lost some, also where others have written on since.
"""

import threading
from dataclasses import dataclass
from typing import Any, cast

from redis.connection import AbstractConnection
from redis.exceptions import ResponseError

_RUN, _COPY = "run_id", "master_replid"
_NOTHING = "0-0"


@dataclass(frozen=True)
class StreamLoss:
    """A stream that had `seen` once and has nothing after `found` up to there, on a server of another life."""

    stream: str
    seen: str
    found: str

    @property
    def lost_ms(self) -> int:
        """Return how much time of entries is gone, by their ids."""
        return max(1, _place(self.seen)[0] - _place(self.found)[0])


class ServerMemory:
    """One process's memory of one server; any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server = ("", "")
        self._seen: dict[str, str] = {}
        self._losses: list[StreamLoss] = []

    def note(self, stream: str, entry_id: str) -> None:
        """Note an entry that was published or read."""
        with self._lock:
            if _place(entry_id) > _place(self._seen.get(stream, _NOTHING)):
                self._seen[stream] = entry_id

    def take_losses(self) -> list[StreamLoss]:
        """Return what was lost since the last call."""
        with self._lock:
            losses, self._losses = self._losses, []
        return losses

    def greet(self, connection: AbstractConnection) -> None:
        """Compare, on a connection that was just made and has done nothing else yet."""
        connection.on_connect()
        server = _identity(connection)
        with self._lock:
            same, seen = server == self._server and all(server), dict(self._seen)
        if same:
            return
        ends = {stream: _newest(connection, stream, entry_id) for stream, entry_id in seen.items()}
        with self._lock:
            self._server = server
            for stream, found in ends.items():
                if found is not None and _place(found) < _place(seen[stream]):
                    self._losses.append(StreamLoss(stream, seen[stream], found))
                    self._seen[stream] = found


def _identity(connection: AbstractConnection) -> tuple[str, str]:
    """Return who the server says it is; blanks where it may not be asked: then the streams are, each time."""
    found: dict[str, str] = {}
    for section in ("server", "replication"):
        said = _asked(connection, "INFO", section)
        lines = (line.partition(":") for line in _text(said).splitlines())
        found |= {name: value.strip() for name, _, value in lines if name in {_RUN, _COPY}}
    return found.get(_RUN, ""), found.get(_COPY, "")


def _newest(connection: AbstractConnection, stream: str, seen: str) -> str | None:
    """Return the newest id up to `seen` that a stream has; `seen` when it was trimmed; None where nobody says."""
    rows = _asked(connection, "XREVRANGE", stream, seen, "-", "COUNT", "1")
    if rows:
        return _text(rows[0][0])
    last = _last_id(connection, stream)
    return last if last is None or _place(last) < _place(seen) else seen


def _last_id(connection: AbstractConnection, stream: str) -> str | None:
    """Return the newest id a stream ever had, as the server knows it; None where it does not say."""
    exists = _asked(connection, "EXISTS", stream)
    if exists is None:
        return None
    if not exists:
        return _NOTHING
    said = _asked(connection, "XINFO", "STREAM", stream)
    words = [word for pair in cast("dict[Any, Any]", said).items() for word in pair] if isinstance(said, dict) else said
    flat = cast("list[Any]", words or [])  # RESP3 answers a map, RESP2 a list
    facts = {_text(name): value for name, value in zip(flat[::2], flat[1::2], strict=False)}
    return _text(facts["last-generated-id"]) if "last-generated-id" in facts else None


def _asked(connection: AbstractConnection, *words: str) -> Any:  # noqa: ANN401 - a server's own answer
    try:
        connection.send_command(*words)
        return cast("Any", connection.read_response())
    except ResponseError:  # a managed server forbids it, or this one still loads its file
        return None


def _text(said: object) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said or "")


def _place(entry_id: str) -> tuple[int, int]:
    ms, _, number = entry_id.partition("-")
    return int(ms), int(number or 0)
