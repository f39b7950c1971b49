"""Delays from the leader's trade to our decision: constant, drawn from a distribution, or as it was measured. Pure.

What is drawn depends on the signal's id only, so a run repeats exactly and no signal's delay depends on another's.

A pending match shows a trade before the block that its history names. Live, such a signal's trade time is when it was
seen, so the run's is too; and the trade is over by then: prices and books of that moment have it behind them.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from backtest.domain.market_events import MarketEvent
from shared.domain.errors import BadConfig
from shared.messages.base import fact_id
from shared.messages.signals import ActionableSignal

MAX_DELAY_S = 30 * 86_400
"""The longest delay: far beyond the age at which any signal is stale."""
MOST_LEAD_MS = 1_500
"""The longest lead over a block: a match is in a log at most 2.2 s later, and seen pending 0.65 s later at best (venue
reference 7.7). What came sooner belongs to a block that was late; another trade may not be known before its match."""
_STEPS = 1000
_DRAW = 0x1_0000_0000


class Delay(Protocol):
    """A model of the time from the leader's trade to our decision."""

    @property
    def lead_ms(self) -> int:
        """Return how long before its block a trade can be known, at most."""
        ...

    def arrival_ms(self, trade: ActionableSignal) -> int:
        """Return when we would have known of `trade`, in epoch milliseconds; never before its match."""
        ...

    def __str__(self) -> str: ...


@dataclass(frozen=True)
class ConstantDelay:
    """The same delay for all."""

    delay_ms: int
    lead_ms = 0

    def arrival_ms(self, trade: ActionableSignal) -> int:
        """Return the trade's time and the delay."""
        return trade.traded_at_ms + self.delay_ms

    def __str__(self) -> str:
        return f"constant {self.delay_ms / 1000:g} s"


@dataclass(frozen=True)
class RecordedDelay:
    """When the capture's own detector (or the history's own collector) saw it."""

    lead_ms = 0

    def arrival_ms(self, trade: ActionableSignal) -> int:
        """Return the time it was first seen."""
        return max(trade.seen_at_ms, trade.traded_at_ms)

    def __str__(self) -> str:
        return "as recorded"


@dataclass(frozen=True)
class DrawnDelay:
    """A distribution by its evenly spaced quantiles, in milliseconds, interpolated in between."""

    quantiles_ms: tuple[int, ...]
    name: str

    @property
    def lead_ms(self) -> int:
        """Return how far below 0 it goes: a negative delay is a lead over the trade's block."""
        return max(0, -self.quantiles_ms[0])

    def arrival_ms(self, trade: ActionableSignal) -> int:
        """Return the trade's time and the delay drawn for this signal."""
        draw = int(fact_id("delay", trade.id)[:8], 16)
        last = len(self.quantiles_ms) - 1
        place, rest = divmod(draw * last, _DRAW)
        low, high = self.quantiles_ms[place], self.quantiles_ms[min(place + 1, last)]
        return trade.traded_at_ms + low + (high - low) * rest // _DRAW

    def __str__(self) -> str:
        low, middle, high = (self.quantiles_ms[place] / 1000 for place in (0, len(self.quantiles_ms) // 2, -1))
        return f"{self.name}: {low:g} to {high:g} s, p50 {middle:g} s"


@dataclass(frozen=True)
class LagSamples:
    """Counts of one source's lags, by upper bounds that grow by 2%: any number of lags in little memory.

    A lag below 0 is a lead over the block, `MOST_LEAD_MS` at most.
    """

    counts: dict[int, int]

    def add_lag(self, lag_ms: int) -> None:
        """Count one lag."""
        if lag_ms < 0:
            bound = -_BOUNDS[bisect_right(_BOUNDS, min(-lag_ms, MOST_LEAD_MS)) - 1]
        else:
            bound = _BOUNDS[bisect_left(_BOUNDS, lag_ms)] if lag_ms < _BOUNDS[-1] else _BOUNDS[-1]
        self.counts[bound] = self.counts.get(bound, 0) + 1

    def drawn_delay(self, name: str) -> DrawnDelay:
        """Return the measured distribution.

        Raises:
            BadConfig: nothing was measured.
        """
        total = sum(self.counts.values())
        if not total:
            raise BadConfig(f"delay {name}: no such source in these files")
        bounds = sorted(self.counts)
        steps = min(_STEPS, total)
        return DrawnDelay(tuple(_spread(bounds, self.counts, total, steps)), name)


def _spread(bounds: Sequence[int], counts: Mapping[int, int], total: int, steps: int) -> list[int]:
    found: list[int] = []
    seen, place = counts[bounds[0]], 0
    for step in range(steps + 1):
        while seen < min(total, step * total // steps + 1):
            place += 1
            seen += counts[bounds[place]]
        found.append(bounds[place])
    return found


def _bounds() -> tuple[int, ...]:
    found = [0]
    while found[-1] < 7 * 24 * 3_600_000:
        found.append(max(found[-1] + 10, found[-1] * 51 // 50))
    return tuple(found)


_BOUNDS = _bounds()


def read_delay(text: str, measured: Mapping[str, LagSamples]) -> Delay:
    """Read a delay: `2.5` seconds, quantiles `1,2.5,30`, `recorded`, or `measured:SOURCE`.

    Raises:
        BadConfig: naming the text and what it should be.
    """
    if text == "recorded":
        return RecordedDelay()
    kind, _, source = text.partition(":")
    if kind == "measured":
        return measured.get(source, LagSamples({})).drawn_delay(text)
    try:
        seconds = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise BadConfig(
            f"--delay {text}: expected seconds, quantiles 1,2.5,30, recorded, or measured:SOURCE"
        ) from error
    if not all(0 <= second <= MAX_DELAY_S for second in seconds) or seconds != sorted(seconds):
        raise BadConfig(f"--delay {text}: seconds from 0 to {MAX_DELAY_S}, quantiles in rising order")
    found = tuple(round(second * 1000) for second in seconds)
    return ConstantDelay(found[0]) if len(found) == 1 else DrawnDelay(found, text)


def seen_early(market_events: Iterable[MarketEvent], delay: Delay) -> Iterable[MarketEvent]:
    """Return market events in time order, each trade when its block was, or when it was seen if that was first."""
    return _in_order(market_events, delay) if delay.lead_ms else market_events


def _in_order(market_events: Iterable[MarketEvent], delay: Delay) -> Iterator[MarketEvent]:
    held: list[tuple[int, int, MarketEvent]] = []
    for number, market_event in enumerate(market_events):
        while held and held[0][0] <= market_event.at_ms - delay.lead_ms:
            yield heapq.heappop(held)[2]
        moved = _moved(market_event, delay)
        heapq.heappush(held, (moved.at_ms, number, moved))
    while held:
        yield heapq.heappop(held)[2]


def _moved(market_event: MarketEvent, delay: Delay) -> MarketEvent:
    trade = market_event.what
    if not isinstance(trade, ActionableSignal) or trade.pending or trade.completes:
        return market_event
    seen_ms = delay.arrival_ms(trade)
    if seen_ms >= trade.traded_at_ms:
        return market_event
    return MarketEvent(seen_ms, replace(trade, traded_at_ms=seen_ms))
