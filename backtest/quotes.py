"""What was known of prices at a moment: the last recorded book, else a modelled one around the last known trade. Pure.

The model's book: `half_spread_ticks` beyond the last known price the first level stands, then one level each tick,
each with `level_shares`. So an order pays half the spread, and its impact is its size over the depth. The leader's
own trade is a known price from the moment it happened; any later trade of any leader in the token replaces it.
"""

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from backtest.result import Evidence
from shared.market import Book, Level, MarketFacts
from shared.money import MICRO, ceil_to, floor_to

HALF = Decimal("0.5")

Ladder = tuple[Level, ...]
"""One side of a book, best first."""


@dataclass(frozen=True)
class PriceModel:
    """The parameters of what no record tells; all of them stand in the result."""

    half_spread_ticks: int = 1
    level_shares: Decimal = Decimal(200)
    levels: int = 10
    book_age_ms: int = 10_000

    def __str__(self) -> str:
        return (
            f"recorded books up to {self.book_age_ms / 1000:g} s old; else the last known trade, half spread "
            f"{self.half_spread_ticks} ticks, {self.level_shares} shares on each of {self.levels} ticks"
        )


class Quote(NamedTuple):
    """A book, the price between its sides, and what that rests on; `traded_at_ms` is the last known trade's time."""

    book: Book | None
    middle: Decimal
    evidence: Evidence
    traded_at_ms: int


NO_QUOTE = Quote(None, Decimal(0), "none", 0)


class Last(NamedTuple):
    """The last known trade of a token."""

    price: Decimal
    at_ms: int
    signal_id: str


NEVER = Last(Decimal(0), 0, "")


class Quotes:
    """The last trade and book of each token; `forget` drops those of a market that paid out."""

    def __init__(self, model: PriceModel) -> None:
        self._model = model
        self._last: dict[str, Last] = {}
        self._books: dict[str, Book] = {}

    def traded(self, token_id: str, last: Last) -> None:
        """Take note of a trade."""
        self._last[token_id] = last

    def seen(self, book: Book) -> None:
        """Take note of a recorded book."""
        self._books[book.token_id] = book

    def forget(self, token_id: str) -> None:
        """Drop what is known of a token."""
        self._last.pop(token_id, None)
        self._books.pop(token_id, None)

    def last(self, token_id: str) -> Last:
        """Return the last known trade; at 0 when there is none."""
        return self._last.get(token_id, NEVER)

    def at(self, token_id: str, facts: MarketFacts, now_ms: int, signal_id: str) -> Quote:
        """Return the book as an order of `signal_id` would meet it at `now_ms`."""
        last = self._last.get(token_id, NEVER)
        book = self._books.get(token_id)
        if book is not None and now_ms - book.at_ms <= self._model.book_age_ms:
            return Quote(book, _middle(book, last.price), "book", last.at_ms)
        if last is NEVER:
            return Quote(None, last.price, "none", 0)
        modelled = self._modelled(token_id, last.price, facts, now_ms)
        return Quote(modelled, last.price, "leader" if last.signal_id == signal_id else "trade", last.at_ms)

    def _modelled(self, token_id: str, price: Decimal, facts: MarketFacts, now_ms: int) -> Book:
        model, tick = self._model, facts.tick
        bids, asks = _ladders(price, tick, model.half_spread_ticks, model.levels, model.level_shares)
        return Book.of_checked(
            token_id=token_id, at_ms=now_ms, changed_at_ms=None, tick=tick, bids=bids, asks=asks, source="rest"
        )


@lru_cache(maxsize=20_000)
def _ladders(price: Decimal, tick: Decimal, half: int, levels: int, shares: Decimal) -> tuple[Ladder, Ladder]:
    """Return bids and asks around a price, best first, within [tick, 1 - tick]."""
    bid, ask = floor_to(price - tick * half, tick), ceil_to(price + tick * half, tick)
    bids = [bid - tick * step for step in range(levels)]
    asks = [ask + tick * step for step in range(levels)]
    return _within(bids, tick, shares), _within(asks, tick, shares)


def _within(prices: list[Decimal], tick: Decimal, shares: Decimal) -> Ladder:
    return tuple(_level(price, shares) for price in prices if tick <= price < 1)


@lru_cache(maxsize=20_000)
def _level(price: Decimal, shares: Decimal) -> Level:
    return Level(price=price, shares=shares)


def _middle(book: Book, last: Decimal) -> Decimal:
    bid, ask = book.best_bid, book.best_ask
    if bid is None or ask is None:
        return bid or ask or last
    return (bid + ask) * HALF


def price_micro(price: Decimal) -> int:
    """Return a price in micro-units."""
    return int(price * MICRO)
