"""A view: the fills that one request to an upstream showed, as the matcher compares them. Pure."""

from dataclasses import dataclass

from shared.polymarket.wire.leader_fills import LeaderFill


@dataclass(frozen=True, slots=True)
class FillView:
    """One answer: identical rows in it are distinct fills (pitfall 7); a source that cannot tell shows one."""

    source: str
    seen_at_ms: int
    fills: tuple[LeaderFill, ...]
