"""Prices known at a moment: the last recorded book, else a modelled one around the last known trade. Pure.

The model's book: `half_spread_ticks` beyond the last known price the first level stands, then one level each tick,
each with `level_shares`. So an order pays half the spread, and its impact is its size over the depth. The leader's
own trade is a known price from the moment it happened; any later trade of any leader in the token replaces it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from msgspec import Struct

from shared.domain.market import Book, Level, MarketFacts
from shared.domain.money import MICRO, Price, Shares, ceil_to, floor_to, micro_text

Evidence = Literal["book", "trade", "leader", "none"]
"""What a price rests on: a recorded book; another trade in the token after the leader's; the leader's own; nothing."""

Ladder = tuple[Level, ...]
"""One side of a book, best first."""
MOST_LADDERS = 20_000


@dataclass(frozen=True)
class PriceModel:
    """The parameters of what no record tells; all of them stand in the result."""

    half_spread_ticks: int = 1
    level_shares: Shares = Shares(200 * MICRO)
    levels: int = 10
    book_age_ms: int = 10_000

    def __str__(self) -> str:
        return (
            f"recorded books up to {self.book_age_ms / 1000:g} s old; else the last known trade, half spread "
            f"{self.half_spread_ticks} ticks, {micro_text(self.level_shares)} shares on each of {self.levels} ticks"
        )


class ModelQuote(Struct, frozen=True, gc=False):
    """A book, the price between its sides, and what that rests on; `traded_at_ms` is the last known trade's time."""

    book: Book | None
    middle: Price
    evidence: Evidence
    traded_at_ms: int


NO_QUOTE = ModelQuote(None, Price(0), "none", 0)


class LastTrade(Struct, frozen=True, gc=False):
    """The last known trade of a token."""

    price: Price
    at_ms: int
    signal_id: str


NEVER = LastTrade(Price(0), 0, "")


class PriceQuotes:
    """The last trade and book of each token; `forget` drops those of a market that paid out."""

    def __init__(self, model: PriceModel) -> None:
        self._model = model
        self._last: dict[str, LastTrade] = {}
        self._books: dict[str, Book] = {}
        self._ladders_at: dict[tuple[Price, Price], tuple[Ladder, Ladder]] = {}

    def add_trade(self, token_id: str, last: LastTrade) -> None:
        """Take note of a trade."""
        self._last[token_id] = last

    def add_book(self, book: Book) -> None:
        """Take note of a recorded book."""
        self._books[book.token_id] = book

    def forget_token(self, token_id: str) -> None:
        """Drop what is known of a token."""
        self._last.pop(token_id, None)
        self._books.pop(token_id, None)

    def last_trade(self, token_id: str) -> LastTrade:
        """Return the last known trade; at 0 when there is none."""
        return self._last.get(token_id, NEVER)

    def quote_at(self, token_id: str, facts: MarketFacts, now_ms: int, signal_id: str) -> ModelQuote:
        """Return the book as an order of `signal_id` would meet it at `now_ms`."""
        last, book = self._last.get(token_id, NEVER), self._books.get(token_id) if self._books else None
        if book is not None and now_ms - book.at_ms <= self._model.book_age_ms:
            return ModelQuote(book, _middle(book, last.price), "book", last.at_ms)
        if last is NEVER:
            return ModelQuote(None, last.price, "none", 0)
        price, tick = last.price, facts.tick
        bids, asks = self._ladders_at.get((price, tick)) or self._ladders(price, tick)
        modelled = Book(token_id=token_id, at_ms=now_ms, tick=tick, bids=bids, asks=asks)
        return ModelQuote(modelled, price, "leader" if last.signal_id == signal_id else "trade", last.at_ms)

    def bids_at(self, token_id: str, facts: MarketFacts, now_ms: int) -> Ladder:
        """Return the bids of the book that `quote_at` would return; none where there is none."""
        last, book = self._last.get(token_id, NEVER), self._books.get(token_id)
        if book is not None and now_ms - book.at_ms <= self._model.book_age_ms:
            return book.bids
        return () if last is NEVER else self._ladders(last.price, facts.tick)[0]

    def _ladders(self, price: Price, tick: Price) -> tuple[Ladder, Ladder]:
        found = self._ladders_at.get((price, tick))
        if found is None:
            model = self._model
            found = _ladders(price, tick, model.half_spread_ticks, model.levels, model.level_shares)
            if len(self._ladders_at) >= MOST_LADDERS:
                self._ladders_at.clear()
            self._ladders_at[price, tick] = found
        return found


def _ladders(price: Price, tick: Price, half: int, levels: int, shares: Shares) -> tuple[Ladder, Ladder]:
    """Return bids and asks around a price, best first, within [tick, 1 - tick]."""
    bid, ask = floor_to(price - tick * half, tick), ceil_to(price + tick * half, tick)
    bids = [bid - tick * step for step in range(levels)]
    asks = [ask + tick * step for step in range(levels)]
    return _within(bids, tick, shares), _within(asks, tick, shares)


def _within(prices: list[int], tick: Price, shares: Shares) -> Ladder:
    return tuple(_level(Price(price), shares) for price in prices if tick <= price < MICRO)


@lru_cache(maxsize=20_000)
def _level(price: Price, shares: Shares) -> Level:
    return Level(price=price, shares=shares)


def _middle(book: Book, last: Price) -> Price:
    bid, ask = book.best_bid, book.best_ask
    if bid is None or ask is None:
        return bid or ask or last
    return Price((bid + ask) // 2)
