"""Which events to ask for ahead: those leaders trade in, and the next of a series of short ones. Pure.

A leader who trades one outcome often trades the others of the event next, and who trades a 5-minute market the
following one.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable

from shared.domain.market import MarketFacts

ASK_AGAIN_S = 600.0
MOST_EVENTS = 2000
_SERIES = re.compile(r"^(?P<name>.+-)(?P<span>\d{1,3})(?P<unit>[mh])-(?P<start>\d{10})$")
_SECONDS = {"m": 60, "h": 3600}


def next_in_series(event_slug: str) -> str:
    """Return the slug of the event after this one, where slugs count time (`eth-updown-5m-1790619600`); else ''."""
    found = _SERIES.match(event_slug)
    if not found:
        return ""
    span_s = int(found["span"]) * _SECONDS[found["unit"]]
    return f"{found['name']}{found['span']}{found['unit']}-{int(found['start']) + span_s}"


class EventPrefetch:
    """Events that were asked for, and those that wait; bounded."""

    def __init__(self, *, again_s: float = ASK_AGAIN_S, most: int = MOST_EVENTS) -> None:
        self._again_s, self._most = again_s, most
        self._asked: OrderedDict[str, float] = OrderedDict()
        self._waiting: OrderedDict[str, None] = OrderedDict()

    def want(self, facts: Iterable[MarketFacts], now: float) -> None:
        """Want the events of these markets, and the ones after them."""
        for fact in facts:
            for slug in (fact.event_slug, next_in_series(fact.event_slug)):
                if slug and not fact.closed and now - self._asked.get(slug, -self._again_s) >= self._again_s:
                    self._waiting[slug] = None
        while len(self._waiting) > self._most:
            self._waiting.popitem(last=False)

    def take(self, now: float) -> str:
        """Return an event to ask for now, or ''."""
        if not self._waiting:
            return ""
        slug, _ = self._waiting.popitem(last=False)
        self._asked[slug] = now
        self._asked.move_to_end(slug)
        while len(self._asked) > self._most:
            self._asked.popitem(last=False)
        return slug
