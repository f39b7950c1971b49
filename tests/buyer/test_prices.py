"""What the buyer can find out of a market, and what a stop in the middle means."""

import threading
from typing import Any, cast

import pytest

from buyer.prices import MarketPriceFeed
from shared.clock import ManualClock
from shared.errors import Unavailable
from shared.http import Upstream
from shared.polymarket.markets import MarketCache
from tests.buyer.builders import TOKEN


class Silent:
    """An upstream that never answers, and may see the process told to stop while it is asked."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop

    def get(self, *_: Any, **__: Any) -> Any:
        if self._stop is not None:
            self._stop.set()
        raise Unavailable("no answer")


def a_feed(silent: Silent, stop: threading.Event) -> MarketPriceFeed:
    upstream = cast("Upstream", silent)
    return MarketPriceFeed(MarketCache(upstream, clock=ManualClock(), stop=stop), upstream, clock=ManualClock())


def test_what_an_upstream_does_not_say_is_named() -> None:
    feed = a_feed(Silent(), threading.Event())

    assert feed.facts(TOKEN) == (None, "facts: Unavailable: no answer")
    assert feed.book(TOKEN) == (None, "book: Unavailable: no answer")


def test_s5_a_stop_is_no_answer_so_the_signal_waits_for_the_next_start() -> None:
    stop = threading.Event()
    feed = a_feed(Silent(stop), stop)

    with pytest.raises(Unavailable, match="next start"):
        feed.facts(TOKEN)
    with pytest.raises(Unavailable, match="next start"):
        feed.book(TOKEN)
