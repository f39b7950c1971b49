"""Markets as Gamma serves them, saved as a file: arrays, lines, events, answers; and their facts as they were then."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

from msgspec.structs import replace

from backtest.domain.market_state import AssumedFacts
from backtest.history.reading.history_row import Hint
from backtest.history.reading.json_values import json_values
from shared.domain.market import MarketFacts

UNSURE = "fees, tick and minimum size: the venue tells today's only, and no tick finer than 0.01 is believed"
"""What no order of a history with such facts can be sure of."""
_RAW, _MARKETS = "raw", "markets"
"""Where a saved row keeps the venue's own, and an event its markets."""


def gamma_markets(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield each market in a text of JSON, whatever it is wrapped in; an object that is none comes as it is."""
    for _, value in json_values(_LinesText(lines)):
        yield from _markets_in(value)


def _markets_in(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _markets_in(inner)
        return
    if not isinstance(value, dict):
        raise TypeError(f"no JSON object: {str(value)[:80]!r}")
    row = cast("dict[str, Any]", value)
    inside = row.get(_RAW) or row.get(_MARKETS) or row.get("data")
    if "conditionId" in row or not isinstance(inside, (list, dict)):
        yield row
        return
    about = {name: row.get(name) for name in ("id", "slug", "category")}
    for market in _markets_in(cast("object", inside)):
        yield market if _MARKETS not in row else {"events": [about], **market}


class _LinesText:
    """Lines as a text that is read piece by piece."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)

    def read(self, _size: int) -> str:
        return next(self._lines, "")


def hint_of_facts(facts: MarketFacts) -> Hint:
    """Return a token's facts as a row names its market."""
    names = (facts.outcome, facts.title, facts.slug, facts.event_slug)
    return (facts.condition_id, facts.outcome_index, *names)


def as_then(facts: MarketFacts) -> MarketFacts:
    """Return facts as they were while the leader traded: open; fee and minimum are those of now.

    Ticks get finer as a market nears its end: with today's an old spread would look smaller than it was. A market whose
    event nobody names counts as an event of its own.
    """
    tick = max(facts.tick, AssumedFacts().tick)
    event_id = facts.event_id or facts.event_slug or facts.condition_id
    return replace(facts, closed=False, accepting_orders=True, tick=tick, event_id=event_id)
