"""The value of a lot over a short time: what its book's bids would pay for all of it, look after look. Pure.

One look shows a moment, and a moment can be made: bids that are away for a second, a bid of five shares that nobody
means. So what a lot is worth is the value that stood for some seconds.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import pairwise, takewhile
from operator import itemgetter
from typing import NamedTuple

from buyer.strategy.fill_model import walk_book
from buyer.strategy.sizing import sell_size
from shared.domain.market import Book, MarketFacts
from shared.domain.money import Price, Shares, price_of

MOST_LOOKS = 512
"""Looks kept of a lot; more come only where its price changes many times a second."""


class Look(NamedTuple):
    """What the bids would pay for each share of a lot at one moment (seconds of a clock that never runs backwards).

    `worth` counts what the bids do not reach at the last of them, `paid` at nothing.
    """

    at_s: float
    worth: Price
    paid: Price


class LotHistory(NamedTuple):
    """The looks at one lot, oldest first."""

    looks: tuple[Look, ...] = ()

    def after(self, look: Look, keep_s: float, *, steady: bool = False) -> "LotHistory":
        """Return the history with one more look; what is older than `keep_s` goes, but for the last of it.

        Args:
            look: The newest; one of the past or of the same moment replaces none and is left out.
            keep_s: How long looks count.
            steady: The value changes only at looks: it stood as it was until this one.
        """
        looks, at_s = self.looks, look.at_s
        if looks and at_s < looks[-1].at_s:
            return self
        if steady and looks and at_s > looks[-1].at_s:
            looks = (*looks, looks[-1]._replace(at_s=at_s))
        looks = (*looks, look)[-MOST_LOOKS:]
        past = bisect_left(looks, at_s - keep_s, key=itemgetter(0))
        return LotHistory(looks[max(0, past - 1) :])

    def stood(self, for_s: float) -> Price:
        """Return the value that stood: the middle one, by time, of the last `for_s` seconds; 0 where nobody can tell.

        Between two looks the higher value counts, so that a dip that was seen once does not last until the next look.
        A third of that time must have been seen.
        """
        if not self.looks:
            return Price(0)
        from_s = self.looks[-1].at_s - for_s
        spans = [(max(a.worth, b.worth), b.at_s - max(a.at_s, from_s)) for a, b in pairwise(self.looks)]
        spans = sorted((worth, lasted) for worth, lasted in spans if lasted > 0)
        seen_s = sum(lasted for _, lasted in spans)
        return _middle(spans, seen_s / 2) if seen_s * 3 >= for_s and seen_s > 0 else Price(0)

    def stands(self, holds: Callable[[Look], bool], looks: int, for_s: float) -> bool:
        """Say whether the last looks, at least so many and over so many seconds, all show that something `holds`."""
        run = list(takewhile(holds, reversed(self.looks)))
        return len(run) >= max(looks, 1) and run[0].at_s - run[-1].at_s >= for_s


NO_LOOKS = LotHistory()


def look_at(book: Book, shares: Shares, facts: MarketFacts, at_s: float) -> Look | None:
    """Return what a book's bids would pay for a lot, before fees; None where nobody bids or nothing can be sold."""
    size = sell_size(shares)
    if not book.bids or not size:
        return None
    filled = walk_book(book.bids, "SELL", size, Price(0), None, facts)
    rest = (size - filled.shares) * book.bids[-1].price
    return Look(at_s, Price((filled.usdc * 1_000_000 + rest) // size), price_of(filled.usdc, size))


def _middle(spans: Sequence[tuple[Price, float]], half_s: float) -> Price:
    """Return the value at which half of the time is reached."""
    passed_s = 0.0
    for worth, lasted in spans:
        passed_s += lasted
        if passed_s >= half_s:
            return worth
    return spans[-1][0]
