"""One look at an upstream, as the matcher compares it. Pure."""

from dataclasses import dataclass

from shared.polymarket.wire.leader_fills import LeaderFill


@dataclass(frozen=True, slots=True)
class FillView:
    """One look at an upstream: identical rows in it are distinct fills (pitfall 7); one that cannot tell shows one."""

    source: str
    seen_at_ms: int
    fills: tuple[LeaderFill, ...]
