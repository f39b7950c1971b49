"""Our own capture as market events: signals, retractions, facts and books that decisions saw, how markets resolved.

With `CAPTURE_BOOKS` also the books in between, each known from the moment it was looked at.

Entries stand in the order in which they were captured, which is nearly that of their times. What is put in order is a
window of `WINDOW` entries; a signal that was captured later than that counts as known from then on.
"""

import contextlib
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import TypeVar

from backtest.domain.market_events import MarketEvent, What
from backtest.domain.market_state import ResolvedMarket
from backtest.simulation.latency import LagSamples
from shared.capture.capture import Capture
from shared.domain.errors import Malformed
from shared.domain.witnesses import PENDING
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event
from shared.messages.redemptions import RedemptionResult
from shared.messages.service import BookSeen
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted
from shared.polymarket.wire.conditions import payouts_of

WINDOW = 10_000
_market_event = MarketEvent._make
_KIND = re.compile(r'\{"event":"(\w+)"')
_SIGNAL = '{"event":"ACTIONABLE_SIGNAL"'
_TRADED_AT = '"traded_at_ms":'
_TRADED = re.compile(_TRADED_AT + r"(\d+)")
_TELLS = frozenset({"ACTIONABLE_SIGNAL", "FILL_RETRACTED", "BUY_ENGINE_DECISION", "REDEMPTION_RESULT", "BOOK_SEEN"})
"""What a capture tells of the outside."""
_CONFIRMED, _COMPLETED = "FILL_CONFIRMED", '"completes":'
"""A confirmation with a signal in it: of a trade that was pending."""
_RAW = '{"event":"RAW_SEEN"'
BLOCK_WITNESS = "chain_logs"
"""Whose confirmation says when the block was."""

T = TypeVar("T")


def captured_events(capture: Capture) -> Iterator[MarketEvent]:
    """Yield what a capture says of the outside, in time order."""
    return _never_back(_decoded(_sorted(_all(capture), WINDOW)))


def in_order(coming: Iterable[MarketEvent], window: int = WINDOW) -> Iterator[MarketEvent]:
    """Put nearly ordered market events in order; what is too late for that happens as soon as it is known."""
    return _never_back(_sorted(coming, window))


def _sorted(coming: Iterable[tuple[int, T]], window: int) -> Iterator[tuple[int, T]]:
    coming = iter(coming)
    held = list(islice(coming, window))
    while more := list(islice(coming, window)):
        held += more
        held.sort(key=itemgetter(0))
        yield from held[:window]
        del held[:window]
    held.sort(key=itemgetter(0))
    yield from held


def _never_back(coming: Iterable[tuple[int, What]]) -> Iterator[MarketEvent]:
    last_ms = 0
    for at_ms, what in coming:
        last_ms = max(last_ms, at_ms)
        yield _market_event((last_ms, what))


def recorded_lags(capture: Capture) -> dict[str, LagSamples]:
    """Return how late each source showed each fill, confirmations included; a pending one against its block."""
    found: dict[str, LagSamples] = {}
    for text in capture.texts():
        event = _event(text)
        if isinstance(event, ActionableSignal):
            for witness in event.seen_by:
                if not (event.pending and witness.source == PENDING):  # its time of trade is its own sight
                    _count(found, witness.source, witness.lag_ms)
        elif isinstance(event, FillConfirmed) and event.signal is None:  # with one in it, it is the same word again
            _count(found, event.source, event.lag_ms)
            if event.first_source == PENDING and event.source == BLOCK_WITNESS:
                _count(found, PENDING, event.lag_ms - event.behind_first_ms)
    return found


def _count(found: dict[str, LagSamples], source: str, lag_ms: int) -> None:
    """Count a lag; of any source but pending one below 0 is a clock's doing."""
    found.setdefault(source, LagSamples({})).add_lag(lag_ms if source == PENDING else max(0, lag_ms))


def _all(capture: Capture) -> Iterator[tuple[int, What | str]]:
    """Yield what happened, and when; a signal as its text, which takes little memory until its turn comes."""
    for text in capture.texts():
        if text.startswith(_SIGNAL):
            if traded := _TRADED.search(text, max(text.find(_TRADED_AT), 0)):
                yield int(traded[1]), text
        elif (kind := _KIND.match(text)) is None or kind[1] in _TELLS or (kind[1] == _CONFIRMED and _COMPLETED in text):
            yield from _told(_event(text))


def _told(event: object) -> Iterator[tuple[int, What]]:
    if isinstance(event, ActionableSignal):
        yield event.traded_at_ms, event
    elif isinstance(event, FillRetracted):
        yield event.emitted_at_ms, event
    elif isinstance(event, FillConfirmed) and event.signal is not None:
        yield event.signal.traded_at_ms, event.signal
    elif isinstance(event, BuyEngineDecision):
        yield from _seen(event)
    elif isinstance(event, BookSeen):
        yield max(event.emitted_at_ms, event.book.at_ms), event.book
    elif isinstance(event, RedemptionResult):
        with contextlib.suppress(Malformed):  # no resolution: the market stays open
            yield event.emitted_at_ms, ResolvedMarket(event.condition_id, payouts_of(event.payouts))


def _decoded(coming: Iterable[tuple[int, What | str]]) -> Iterator[tuple[int, What]]:
    for at_ms, what in coming:
        if not isinstance(what, str):
            yield at_ms, what
        elif signal := signal_in(what):
            yield signal.traded_at_ms, signal


def signal_in(text: str) -> ActionableSignal | None:
    """Return the signal of a text; None where it is none."""
    signal = _event(text)
    return signal if isinstance(signal, ActionableSignal) else None


def _seen(decision: BuyEngineDecision) -> Iterator[tuple[int, What]]:
    """Yield what a decision saw; the book its order met is recorded only as far as the order went, so it is none."""
    inputs = decision.inputs
    if inputs.market:
        yield inputs.now_ms, inputs.market
    if inputs.book:
        yield inputs.book.at_ms, inputs.book


def _event(text: str) -> object:
    try:
        return None if text.startswith(_RAW) else read_event(text)
    except Malformed:
        return None
