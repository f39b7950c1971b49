"""One market's order book, kept in terms of its first outcome.

A bid for one outcome at p is an ask for the other at 1 - p, so one book serves both tokens.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Literal

from simulator.core.amounts import MICRO, PRICE_ONE

Side = Literal["BUY", "SELL"]
Levels = dict[int, int]


def opposite(side: Side) -> Side:
    """Return the other side."""
    return "SELL" if side == "BUY" else "BUY"


@dataclass(frozen=True)
class Change:
    """A level's new total, in terms of one outcome; size 0 removes it."""

    side: Side
    price: int
    size: int

    def seen_from(self, outcome: int) -> "Change":
        """Return the same change as the given outcome's holders see it."""
        return self if outcome == 0 else Change(opposite(self.side), PRICE_ONE - self.price, self.size)


class Book:
    """Resting orders by price: units of 1/10000 to micro-shares."""

    def __init__(self) -> None:
        """Start empty."""
        self.bids: Levels = {}
        self.asks: Levels = {}
        self.version = 0

    def view(self, outcome: int) -> tuple[Levels, Levels]:
        """Return bids and asks as one outcome's token shows them."""
        if outcome == 0:
            return dict(self.bids), dict(self.asks)
        return _mirror(self.asks), _mirror(self.bids)

    def best(self, outcome: int) -> tuple[int | None, int | None]:
        """Return the best bid and ask of one outcome, None for an empty side."""
        bid, ask = max(self.bids, default=None), min(self.asks, default=None)
        if outcome == 0:
            return bid, ask
        return _flip(ask), _flip(bid)

    def middle(self, outcome: int) -> float | None:
        """Return the mid price in units, None when a side is empty."""
        bid, ask = self.best(outcome)
        return None if bid is None or ask is None else (bid + ask) / 2

    def put(self, side: Side, price: int, size: int) -> Change:
        """Set a level's total."""
        levels = self._levels(side)
        if size > 0:
            levels[price] = size
        else:
            levels.pop(price, None)
        self.version += 1
        return Change(side, price, max(size, 0))

    def take(self, side: Side, limit: int, shares: int) -> list[Change]:
        """Let a taker eat the levels up to its limit; return what changed."""
        levels = self._levels(opposite(side))
        prices = sorted(levels, reverse=side == "SELL")
        changes: list[Change] = []
        for price in prices:
            if shares <= 0 or (price > limit if side == "BUY" else price < limit):
                break
            eaten = min(levels[price], shares)
            changes.append(self.put(opposite(side), price, levels[price] - eaten))
            shares -= eaten
        return changes

    def replace(self, bids: Levels, asks: Levels) -> list[Change]:
        """Move to new levels; return the differences."""
        changes = list(self._differences("BUY", bids)) + list(self._differences("SELL", asks))
        return [self.put(each.side, each.price, each.size) for each in changes]

    def _differences(self, side: Side, target: Levels) -> Iterable[Change]:
        levels = self._levels(side)
        for price in sorted(levels.keys() | target.keys()):
            if levels.get(price, 0) != target.get(price, 0):
                yield Change(side, price, target.get(price, 0))

    def _levels(self, side: Side) -> Levels:
        return self.bids if side == "BUY" else self.asks


def ladder(fair: int, tick: int, rng: Random, depth: int = 6) -> tuple[Levels, Levels]:
    """Return plausible levels around a fair price, always inside [tick, 1 - tick]."""
    below = max(tick, (fair - 1) // tick * tick)
    bids = {below - step * tick: _quantity(rng, step) for step in range(depth)}
    above = below + tick * (1 if rng.random() < 0.8 else 2)
    asks = {above + step * tick: _quantity(rng, step) for step in range(depth)}
    return _inside(bids, tick), _inside(asks, tick)


def _quantity(rng: Random, step: int) -> int:
    return (rng.randint(2_000, 20_000) * (step + 1) // 2) * (MICRO // 100)


def _inside(levels: Levels, tick: int) -> Levels:
    return {price: size for price, size in levels.items() if tick <= price <= PRICE_ONE - tick}


def _mirror(levels: Levels) -> Levels:
    return {PRICE_ONE - price: size for price, size in levels.items()}


def _flip(price: int | None) -> int | None:
    return None if price is None else PRICE_ONE - price
