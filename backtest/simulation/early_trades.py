"""Trades that a buyer knew of before their block: moved to the moment when he did. Pure.

A pending match shows a trade before the block that its history names. Live, such a signal's trade time is when it was
seen, so the run's is too; and the trade is over by then: prices and books of that moment have it behind them.
"""

import heapq
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from backtest.domain.market_events import MarketEvent
from backtest.simulation.latency import Delay
from shared.messages.signals import ActionableSignal


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
