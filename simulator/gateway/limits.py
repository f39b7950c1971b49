"""The venue's published limits, on sliding windows of wall-clock time."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

_FULL = 0.95


@dataclass(frozen=True)
class Budget:
    """So many requests in so many seconds for the routes of an upstream."""

    upstream: str
    routes: tuple[str, ...]
    limit: int
    per_s: float = 10.0

    def covers(self, upstream: str, route: str) -> bool:
        """Tell whether a request counts against this budget; no routes means all."""
        if self.upstream not in {"*", upstream}:
            return False
        return not self.routes or route in self.routes


PUBLISHED: dict[str, Budget] = {
    "all": Budget("*", (), 15_000),
    "data_v1": Budget("data", ("/activity", "/trades", "/positions", "/value"), 1_000),
    "data_v1_activity": Budget("data", ("/activity",), 1_000),
    "data_v1_trades": Budget("data", ("/trades",), 200),
    "data_v1_positions": Budget("data", ("/positions",), 150),
    "data": Budget(
        "data",
        (
            "/v2/activity",
            "/v2/trades",
            "/v2/positions",
            "/v2/value",
            "/v2/status",
            "/v2/resolutions",
            "/v2/tokens",
            "/v2/leaderboard",
        ),
        800,
    ),
    "data_trades": Budget("data", ("/v2/trades",), 300),
    "data_activity": Budget("data", ("/v2/activity",), 200),
    "data_positions": Budget("data", ("/v2/positions",), 200),
    "gamma": Budget("gamma", (), 4_000),
    "gamma_events": Budget("gamma", ("/events", "/events/keyset"), 500),
    "gamma_markets": Budget("gamma", ("/markets", "/markets/keyset"), 300),
    "clob": Budget("clob", (), 9_000),
    "clob_book": Budget("clob", ("/book",), 1_500),
    "clob_price": Budget("clob", ("/price",), 1_500),
    "clob_midpoint": Budget("clob", ("/midpoint",), 1_500),
    "clob_books": Budget("clob", ("/books",), 500),
    "clob_tick_size": Budget("clob", ("/tick-size",), 200),
    "subgraph": Budget("subgraph", (), 50),
    "rpc": Budget("rpc", (), 1_000),
    "rpc2": Budget("rpc2", (), 1_000),
    "relayer_submit": Budget("relayer", ("/submit",), 25, 60),
}


@dataclass(frozen=True)
class Verdict:
    """Let a request pass, perhaps after a delay, or refuse it for some seconds."""

    allowed: bool
    wait_s: float = 0.0


@dataclass
class _Window:
    budget: Budget
    times: deque[float] = field(default_factory=deque[float])

    def room(self, now_s: float) -> float:
        """Forget what is past; return the share of the window in use."""
        while self.times and self.times[0] <= now_s - self.budget.per_s:
            self.times.popleft()
        return len(self.times) / self.budget.limit if self.budget.limit else 1.0

    def frees_in(self, now_s: float) -> float:
        """Return when the next request would pass."""
        return max(0.0, self.times[0] + self.budget.per_s - now_s) if self.times else 1.0


class Limits:
    """Judge every request; the venue queues for a moment before it refuses."""

    def __init__(self, *, enabled: bool = True, scale: float = 1.0) -> None:
        """Start from the published table."""
        self.enabled = enabled
        self._windows = {
            name: _Window(Budget(b.upstream, b.routes, max(1, round(b.limit * scale)), b.per_s))
            for name, b in PUBLISHED.items()
        }

    def judge(self, upstream: str, route: str, now_s: float) -> Verdict:
        """Count a request, unless it is refused."""
        if not self.enabled:
            return Verdict(allowed=True)
        hit = [w for w in self._windows.values() if w.budget.covers(upstream, route)]
        shares = [(window.room(now_s), window) for window in hit]
        full = [window for share, window in shares if share >= 1]
        if full:
            return Verdict(allowed=False, wait_s=max(window.frees_in(now_s) for window in full))
        for window in hit:
            window.times.append(now_s)
        busiest = max((share for share, _ in shares), default=0.0)
        return Verdict(allowed=True, wait_s=max(0.0, busiest - _FULL) * 5)

    def change(self, overrides: dict[str, dict[str, Any]]) -> None:
        """Replace budgets by name; raise ValueError for a name nobody knows."""
        for name, given in overrides.items():
            if name not in self._windows:
                msg = f"unknown limit {name!r}; known: {', '.join(self._windows)}"
                raise ValueError(msg)
            old = self._windows[name].budget
            limit, per_s = int(given["limit"]), float(given.get("per_s", old.per_s))
            self._windows[name] = _Window(Budget(old.upstream, old.routes, limit, per_s))

    def record(self) -> dict[str, dict[str, float]]:
        """Return the budgets in force."""
        return {
            name: {"limit": window.budget.limit, "per_s": window.budget.per_s} for name, window in self._windows.items()
        }
