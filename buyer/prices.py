"""Market facts from memory, books from the venue, through the shared gates."""

import threading
from collections import Counter
from collections.abc import Iterable
from typing import Any

from shared import logs
from shared.clock import Clock
from shared.errors import HybridError, TryAgain, Unavailable
from shared.http import Upstream
from shared.market import Book, MarketFacts
from shared.polymarket.clob import fetch_book
from shared.polymarket.markets import MarketCache
from shared.rate_gate import Lane

TRIES = 2
"""A signal is worth one second look at an upstream that stumbled; after that the decision says what is missing."""


class MarketPriceFeed:
    """What the buyer knows of markets now; `warm` fetches facts ahead for what leaders are live in."""

    def __init__(self, markets: MarketCache, clob: Upstream, *, clock: Clock) -> None:
        self._markets, self._clob, self._clock = markets, clob, clock
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._log = logs.get("prices")

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        """Return the token's facts, from memory when warm; None with the reason when nobody could tell."""
        known = self._markets.get(token_id)
        self._count("facts_warm" if known else "facts_fetched")
        if known:
            return known, ""
        problem = ""
        for _ in range(TRIES):
            try:
                return self._markets.fetch(token_id, Lane.ORDERS), ""
            except HybridError as error:
                problem = self._problem("facts", token_id, error)
                if not isinstance(error, TryAgain):
                    break
        return None, problem

    def book(self, token_id: str) -> tuple[Book | None, str]:
        """Return the token's book as it is now; None with the reason when the venue has none or did not answer."""
        self._count("books_fetched")
        problem = ""
        for _ in range(TRIES):
            try:
                return fetch_book(self._clob, token_id, self._clock), ""
            except HybridError as error:
                problem = self._problem("book", token_id, error)
                if not isinstance(error, TryAgain):
                    break
        return None, problem

    def warm(self, token_ids: Iterable[str]) -> None:
        """Fetch the facts of these tokens in the background."""
        self._markets.warm(token_ids)

    def snapshot(self) -> dict[str, Any]:
        """Return how often facts were warm, and how often an upstream was asked or failed."""
        with self._lock:
            return {"markets_known": len(self._markets), **dict(sorted(self._counts.items()))}

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
