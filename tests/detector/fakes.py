"""What stands in for upstreams, cursors and sources."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from detector.domain.source_port import Batch, Sink
from shared.rate_limit.limits import GateLane


class FakeUpstream:
    """Answer from a function; remember what was asked."""

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        self.asked: list[dict[str, Any]] = []
        self.throttles = self.kept_ms = 0
        self._answer = answer

    def get(self, path: str, params: Mapping[str, Any] | None = None, lane: GateLane = GateLane.FRESH) -> Any:
        return self._told({"path": path, "lane": lane, **(params or {})})

    def get_aged(
        self, path: str, params: Mapping[str, Any] | None = None, lane: GateLane = GateLane.FRESH
    ) -> tuple[Any, int]:
        return self.get(path, params, lane), self.kept_ms

    def post(self, path: str, json: Any, lane: GateLane = GateLane.FRESH) -> Any:
        return self._told({"path": path, "lane": lane, **json})

    def throttled(self, _retry_after_s: float | None = None) -> None:
        self.throttles += 1

    def close(self) -> None:
        """Nothing is open."""

    def _told(self, asked: dict[str, Any]) -> Any:
        self.asked.append(asked)
        answer = self._answer(asked)
        if isinstance(answer, Exception):
            raise answer
        return answer


class FakeCursors:
    """Cursors in memory; `sink` moves them as the publisher does."""

    def __init__(self, **known: int) -> None:
        self.known: dict[tuple[str, str], int] = {}
        self.batches: list[Batch] = []
        self.start = known

    def get(self, source: str, leader: str) -> int | None:
        return self.known.get((source, leader))

    def load(self, source: str, leaders: Collection[str]) -> None:
        """All of them are at hand."""

    def sink(self, batch: Batch) -> None:
        self.batches.append(batch)
        for leader, value in batch.cursors.items():
            self.known[batch.source, leader] = max(value, self.known.get((batch.source, leader), value))

    @property
    def amounts(self) -> list[int]:
        """Return the shares of all fills handed in, in order."""
        return [fill.shares_micro for batch in self.batches for view in batch.views for fill in view.fills]


class FakeSource:
    """A source that does what it is told at each poll."""

    def __init__(self, name: str, act: Callable[[str, Sink], None], scopes: tuple[str, ...] = ("all",)) -> None:
        self.name, self.scopes, self.every_s = name, scopes, 0.01
        self.polls: list[str] = []
        self._act = act

    def poll(self, scope: str, sink: Sink) -> None:
        self.polls.append(scope)
        self._act(scope, sink)
