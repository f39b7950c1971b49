"""Market facts and books from memory; from the venue, through the shared gates, where memory cannot be trusted."""

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

from buyer.domain.order_book import BookTrust
from buyer.domain.others_paid import AskedOthers, nobody_told
from buyer.market_data.book_cache import BookCache
from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError, TryAgain, Unavailable
from shared.domain.market import Book, MarketFacts
from shared.http.client import Upstream
from shared.messages.signals import ActionableSignal
from shared.polymarket.clob import fetch_book
from shared.polymarket.market_facts import MarketCache
from shared.rate_limit.gate import GateLane

TRIES = 2
"""A signal is worth one second look at an upstream that stumbled; after that the decision says what is missing."""

SETTLE_MS = BookTrust().settle_ms


class MarketPriceFeed:
    """What the buyer knows of markets now; `warm` prepares facts and books for what leaders are live in.

    A warm market costs no request while a signal waits. `live` is None where no market channel is wanted.
    """

    def __init__(self, markets: MarketCache, clob: Upstream, *, clock: Clock, live: BookCache | None = None) -> None:
        self._markets, self._clob, self._clock, self._live = markets, clob, clock, live
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._log = logs.get_logger("prices")

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        """Return the token's facts, from memory when warm; None with the reason when nobody could tell."""
        known = self._markets.get(token_id)
        self._count("facts_warm" if known else "facts_fetched")
        if known:
            return known, ""
        problem = ""
        for _ in range(TRIES):
            try:
                return self._markets.fetch(token_id, GateLane.ORDERS), ""
            except HybridError as error:
                problem = self._problem("facts", token_id, error)
                if not isinstance(error, TryAgain):
                    break
        return None, problem

    def book(self, token_id: str) -> tuple[Book | None, str]:
        """Return the token's book as it is now; None with the reason when the venue has none or did not answer."""
        book = self.book_at_hand(token_id)
        if book is not None:
            self._count("books_warm")
            return book, ""
        self._count("books_fetched")
        if self._live is not None:
            self._live.want([token_id])
        problem = ""
        for _ in range(TRIES):
            try:
                return self._fetch(token_id), ""
            except HybridError as error:
                problem = self._problem("book", token_id, error)
                if not isinstance(error, TryAgain):
                    break
        return None, problem

    def book_at_hand(self, token_id: str) -> Book | None:
        """Return the book that the market channel keeps when it can be trusted now; never asks anybody."""
        if self._live is None:
            return None
        book, against = self._live.read(token_id)
        if book is None:
            self._count(f"books_not_warm_{against}")
        return book

    def sample(self, token_id: str) -> Book | None:
        """Return the book at hand for who only watches: it counts as no reading."""
        return None if self._live is None else self._live.sample(token_id)

    def others_paid(self, signal: ActionableSignal) -> AskedOthers:
        """Return what asks for what others paid for the signal's token, from memory; its own trade is noted as his."""
        live = self._live
        if live is None:
            return nobody_told(signal)
        live.note_trade(signal)
        return lambda: live.others_paid(signal)

    def warm(self, token_ids: Iterable[str]) -> None:
        """Fetch the facts of these tokens, and keep their books, in the background."""
        wanted = tuple(token_ids)
        self._markets.warm(wanted)
        if self._live is not None:
            self._live.want(wanted)

    def snapshot(self) -> dict[str, Any]:
        """Return how often facts and books were warm, and how often an upstream was asked or failed."""
        with self._lock:
            known = {"markets_known": len(self._markets), **dict(sorted(self._counts.items()))}
        return known | ({"live": self._live.snapshot()} if self._live is not None else {})

    def _fetch(self, token_id: str) -> Book:
        """Ask REST; an answer older than what the channel told comes from a cache, or from a server left behind."""
        book = fetch_book(self._clob, token_id, self._clock)
        told_at_ms = self._live.told_at_ms(token_id) if self._live is not None else 0
        if book.changed_at_ms is not None and book.changed_at_ms < told_at_ms - SETTLE_MS:
            behind_ms = told_at_ms - book.changed_at_ms
            raise Unavailable(f"REST answers a book {behind_ms} ms older than what the market channel told")
        return book

    def _problem(self, what: str, token_id: str, error: HybridError) -> str:
        """Count and name what could not be found out; a stop is no answer, so the signal waits for the next start."""
        if self._markets.stop.is_set():
            raise Unavailable(f"{what}: stopping, asked again at the next start") from error
        self._count(f"{what}_failed")
        self._log.warning("price_unknown", what=what, token_id=token_id, error=str(error))
        return f"{what}: {type(error).__name__}: {error}"[:300]

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1
