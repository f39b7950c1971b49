"""Our own capture as happenings: its signals, the facts and books that its decisions saw, how markets resolved.

With `CAPTURE_BOOKS` also the books in between, each known from the moment it was looked at.

Entries stand in the order in which they were captured, which is nearly that of their times. What is put in order is a
window of `WINDOW` entries; a signal that was captured later than that counts as known from then on.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from operator import itemgetter

from backtest.delays import Lags
from backtest.happenings import Happening
from backtest.markets import Resolved
from shared.capture import Capture
from shared.errors import Malformed
from shared.events import (
    RAW,
    ActionableSignal,
    BookSeen,
    BuyEngineDecision,
    FillConfirmed,
    RedemptionResult,
    read_event,
)
from shared.streams import Entry

WINDOW = 10_000


def happenings(capture: Capture) -> Iterator[Happening]:
    """Yield what a capture says of the outside, in time order."""
    return in_order(_all(capture))


def in_order(coming: Iterable[Happening], window: int = WINDOW) -> Iterator[Happening]:
    """Put nearly ordered happenings in order; what is too late for that happens as soon as it is known."""
    held: list[Happening] = []
    last_ms = 0
    for happening in coming:
        held.append(happening)
        if len(held) >= 2 * window:
            held.sort(key=itemgetter(0))
            for early in held[:window]:
                last_ms = max(last_ms, early.at_ms)
                yield Happening(last_ms, early.what)
            del held[:window]
    for late in sorted(held, key=itemgetter(0)):
        last_ms = max(last_ms, late.at_ms)
        yield Happening(last_ms, late.what)


def lags(capture: Capture) -> dict[str, Lags]:
    """Return how late each source showed each fill, confirmations included."""
    found: dict[str, Lags] = {}
    for entry in capture:
        event = _event(entry)
        if isinstance(event, ActionableSignal):
            for witness in event.seen_by:
                found.setdefault(witness.source, Lags({})).see(witness.lag_ms)
        elif isinstance(event, FillConfirmed):
            found.setdefault(event.source, Lags({})).see(event.lag_ms)
    return found


def _all(capture: Capture) -> Iterator[Happening]:
    for entry in capture:
        event = _event(entry)
        if isinstance(event, ActionableSignal):
            yield Happening(event.traded_at_ms, event)
        elif isinstance(event, BuyEngineDecision):
            yield from _seen(event)
        elif isinstance(event, BookSeen):
            yield Happening(max(event.emitted_at_ms, event.book.at_ms), event.book)
        elif isinstance(event, RedemptionResult):
            payouts = tuple(Fraction(share) for share in event.payouts)
            yield Happening(event.emitted_at_ms, Resolved(event.condition_id, payouts))


def _seen(decision: BuyEngineDecision) -> Iterator[Happening]:
    """Yield what a decision saw; the book its order met is recorded only as far as the order went, so it is none."""
    inputs = decision.inputs
    if inputs.market:
        yield Happening(inputs.now_ms, inputs.market)
    if inputs.book:
        yield Happening(inputs.book.at_ms, inputs.book)


def _event(entry: Entry) -> object:
    if entry.stream == RAW:
        return None
    try:
        return read_event(entry.json)
    except Malformed:
        return None
