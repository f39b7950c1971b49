"""What the buyer can find out of a market, and what a stop in the middle means."""

import threading
from typing import Any, cast

import pytest

from buyer.market_data.book_cache import BookCache
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.strategy.policy import decide_signal
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.http.client import Upstream
from shared.polymarket.market_facts import MarketCache
from shared.polymarket.wire.market_channel import read_frame
from tests.buyer.builders import NOW_MS, TOKEN, a_case
from tests.buyer.market_data.channel_fakes import a_frame, raw_book
from tests.fake_line import FakeLine


class Silent:
    """An upstream that never answers, and may see the process told to stop while it is asked."""

    def __init__(self, stop: threading.Event | None = None) -> None:
        self._stop = stop

    def get(self, *_: Any, **__: Any) -> Any:
        if self._stop is not None:
            self._stop.set()
        raise Unavailable("no answer")

    get_aged = get


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


class Cached:
    """A venue's REST side that answers a book as of some time."""

    def __init__(self, at_ms: int, kept_ms: int = 0) -> None:
        self.at_ms, self.kept_ms, self.asked = at_ms, kept_ms, 0

    def get_aged(self, *_: Any, **__: Any) -> tuple[Any, int]:
        self.asked += 1
        return raw_book(timestamp=str(self.at_ms)), self.kept_ms


def a_live_feed(rest: Cached, clock: ManualClock) -> tuple[MarketPriceFeed, BookCache]:
    stop, upstream = threading.Event(), cast("Upstream", rest)
    stop.set()  # no connection, no checks: the test tells what the channel tells
    live = BookCache(lambda: FakeLine(clock), upstream, clock=clock, stop=stop, random=lambda: 0.0, most=9)
    live._books.want(TOKEN, NOW_MS)
    markets = MarketCache(upstream, clock=clock, stop=threading.Event())
    return MarketPriceFeed(markets, upstream, clock=clock, live=live), live


def test_a_book_at_hand_asks_nobody_and_one_that_grew_old_is_asked_for() -> None:
    clock, rest = ManualClock(NOW_MS), Cached(NOW_MS)
    feed, live = a_live_feed(rest, clock)
    live.hear(read_frame(a_frame(raw_book())))

    warm, _ = feed.book(TOKEN)
    clock.advance(60)
    asked, _ = feed.book(TOKEN)

    assert (warm and warm.source, asked and asked.source, rest.asked) == ("socket", "rest", 1)
    seen = feed.snapshot()
    assert (seen["books_warm"], seen["books_fetched"], seen["books_not_warm_old"]) == (1, 1, 1)
    assert (seen["live"]["age_p50_ms"], seen["live"]["age_p99_ms"]) == (0, 0)


@pytest.mark.pitfall(8)
@pytest.mark.pitfall(56)
def test_an_answer_older_than_what_the_channel_told_is_no_book() -> None:
    clock, rest = ManualClock(NOW_MS), Cached(NOW_MS - 15_000)
    feed, live = a_live_feed(rest, clock)
    live.hear(read_frame(a_frame(raw_book())))
    live.lost([TOKEN])

    book, problem = feed.book(TOKEN)

    assert book is None
    assert "15000 ms older" in problem


@pytest.mark.pitfall(56)
def test_a_book_that_a_cache_had_kept_is_as_old_as_the_cache_says() -> None:
    clock, rest = ManualClock(NOW_MS), Cached(NOW_MS - 60_000, kept_ms=45_000)
    upstream = cast("Upstream", rest)
    feed = MarketPriceFeed(MarketCache(upstream, clock=clock, stop=threading.Event()), upstream, clock=clock)

    book, _ = feed.book(TOKEN)

    assert book is not None
    assert book.at_ms == NOW_MS - 45_000
    rules = {rule.rule: rule for rule in decide_signal(a_case(book=book)).rules}
    assert (rules["book_fresh"].passed, rules["book_fresh"].value) == (False, "45")
