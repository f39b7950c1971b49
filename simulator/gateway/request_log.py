"""A bounded record of every request that the venue was asked."""

from collections import deque
from dataclasses import dataclass
from itertools import islice, takewhile

_KEPT = 500_000


@dataclass(frozen=True, slots=True)
class Request:
    """One request and how it ended."""

    seq: int
    time_ms: float
    upstream: str
    method: str
    route: str
    query: str
    status: int
    latency_ms: float

    def record(self) -> dict[str, object]:
        """Return the request as the control API shows it."""
        return {name: getattr(self, name) for name in self.__slots__}


class RequestLog:
    """Remember the latest requests."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: deque[Request] = deque(maxlen=_KEPT)
        self._seq = 0

    def add(
        self,
        time_ms: float,
        upstream: str,
        method: str,
        route: str,
        query: str,
        status: int,
        latency_ms: float,
    ) -> None:
        """Remember a request."""
        self._seq += 1
        request = Request(self._seq, time_ms, upstream, method, route, query, status, round(latency_ms, 3))
        self._kept.append(request)

    def after(self, seq: int, upstream: str = "", limit: int = 100_000) -> list[Request]:
        """Return the requests since a sequence number."""
        first = self._kept[0].seq if self._kept else 0
        recent = islice(self._kept, max(0, seq - first + 1), None)
        return list(islice((r for r in recent if upstream in {"", r.upstream}), limit))

    def count_since(self, time_ms: float, upstream: str) -> int:
        """Return how many requests an upstream answered since a time, refused ones left out."""
        recent = takewhile(lambda request: request.time_ms >= time_ms, reversed(self._kept))
        return sum(1 for each in recent if each.upstream == upstream and each.status != 429)

    def clear(self) -> None:
        """Forget everything but the numbering."""
        self._kept.clear()
