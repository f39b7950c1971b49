"""Log filters: the leaders that one `eth_getLogs` asks for, and how far each filter is read. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.polymarket.wire.endpoints import EXCHANGES, EXCHANGES_V1, ORDER_FILLED, ORDER_FILLED_V1
from shared.polymarket.wire.order_filled import padded_address

Topics = Sequence[str | Sequence[str] | None]
"""A log filter's topics as `eth_getLogs` takes them: one each, a choice, or any."""


@dataclass(frozen=True, slots=True)
class LogRules:
    """How logs are read; all but the leaders' numbers and `backfill_s` in blocks.

    Up to `whole_above` leaders a filter names `leaders_at_once` of them. Beyond that the exchanges' whole log is read
    and sifted here, `whole_blocks_at_once` blocks in one answer: one request for however many leaders.
    """

    overlap: int = 20
    backfill_s: int = 120
    confirmations: int = 3
    with_v1: bool = False
    leaders_at_once: int = 500
    blocks_at_once: int = 2000
    whole_above: int = 1000
    whole_blocks_at_once: int = 120

    @property
    def addresses(self) -> tuple[str, ...]:
        """Return the contracts whose logs are read."""
        return EXCHANGES + (EXCHANGES_V1 if self.with_v1 else ())

    @property
    def events(self) -> str | list[str]:
        """Return which of their events."""
        return [ORDER_FILLED, ORDER_FILLED_V1] if self.with_v1 else ORDER_FILLED


@dataclass(slots=True)
class FilterPast:
    """Blocks that are still to be read, both included."""

    low: int
    high: int


@dataclass(slots=True, eq=False)
class LogFilter:
    """The leaders of one filter. `low` is where its next fresh read begins, `saved` how far its cursors are stored."""

    leaders: tuple[str, ...]
    members: frozenset[str]
    topics: Topics
    wanted: frozenset[str] | None
    blocks_at_once: int
    low: int | None = None
    saved: int = -1
    past: FilterPast | None = None

    def cursors(self, high: int, every: int) -> dict[str, int]:
        """Return what to store once `high` is read: nothing while a past is open, or so soon after the last time."""
        if self.past is not None or high < self.saved + every:
            return {}
        return dict.fromkeys(self.leaders, high)

    def begin(self, low: int, head: int, overlap: int, far: int) -> None:
        """Set out from `low`; what is too far behind is left to catch-up, so that it delays nothing fresh."""
        # Too far behind: reading all of it first would delay the newest blocks by minutes.
        if head - low > far:
            self.past = FilterPast(low, head - overlap)
            low = head - overlap + 1
        self.low = max(0, low)


def groups_of(leaders: tuple[str, ...], rules: LogRules) -> tuple[LogFilter, ...]:
    """Split leaders over as few filters as nodes allow."""
    if len(leaders) > rules.whole_above:
        wanted = frozenset(padded_address(leader) for leader in leaders)
        return (LogFilter(leaders, frozenset(leaders), [rules.events], wanted, rules.whole_blocks_at_once),)
    # Nodes limit the values of one topic, so many leaders take several filters.
    step = rules.leaders_at_once
    return tuple(_named(leaders[at : at + step], rules) for at in range(0, len(leaders), step))


def oldest_past(groups: Iterable[LogFilter]) -> LogFilter | None:
    """Return the group that is furthest behind; None when none has a past to read."""
    behind = [(past.low, place, group) for place, group in enumerate(groups) if (past := group.past)]
    return min(behind)[2] if behind else None


def _named(leaders: tuple[str, ...], rules: LogRules) -> LogFilter:
    topics: Topics = [rules.events, None, [padded_address(leader) for leader in leaders]]
    return LogFilter(leaders, frozenset(leaders), topics, None, rules.blocks_at_once)
