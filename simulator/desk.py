"""The resting side of every market: quotes around a fair price, eaten by matches."""

from collections.abc import Callable, Iterable
from random import Random

from simulator.agenda import Agenda
from simulator.amounts import PRICE_ONE
from simulator.book import Change, Side, ladder, opposite
from simulator.fill import Match
from simulator.market import Market
from simulator.news import BookMoved, News
from simulator.settings import Settings

_REQUOTE_S = 1.5


class Desk:
    """Keep books plausible and consistent with what trades."""

    def __init__(self, settings: Settings, agenda: Agenda, random: Random, tell: Callable[[News], None]) -> None:
        """Quote on behalf of the crowd."""
        self._settings = settings
        self._agenda = agenda
        self._random = random
        self._tell = tell

    def quote(self, market: Market, at_ms: int) -> None:
        """Put fresh levels around a market's fair price, while it trades."""
        if market.trading(at_ms):
            levels = ladder(market.fair, market.tick, self._random)
            self._moved(market, market.book.replace(*levels), at_ms)

    def trade(self, match: Match) -> None:
        """Let a match eat its levels; they are quoted anew a little later."""
        market, taker = match.market, match.taker
        side = taker.side if taker.outcome == 0 else opposite(taker.side)
        limit = limit_of(match)
        if not _reachable(market, side, limit, taker.shares):
            self._make_room(match, side, limit)
        self._moved(market, market.book.take(side, limit, taker.shares), match.at_ms)
        market.last_price, market.last_side = limit, side
        market.volume += taker.usdc
        soon = match.at_ms + self._settings.wall_ms(_REQUOTE_S)
        self._agenda.at(soon, lambda at: self.quote(market, at))

    def _make_room(self, match: Match, side: Side, limit: int) -> None:
        """Recentre on a price given from outside, so that it could have happened."""
        market, book = match.market, match.market.book
        market.fair = limit
        self.quote(market, match.at_ms)
        own, other = (book.bids, book.asks) if side == "BUY" else (book.asks, book.bids)
        crossed = [p for p in own if (p >= limit if side == "BUY" else p <= limit)]
        changes = [book.put(side, price, 0) for price in crossed]
        depth = other.get(limit, 0) + match.taker.shares
        changes.append(book.put(opposite(side), limit, depth))
        self._moved(market, changes, match.at_ms)

    def _moved(self, market: Market, changes: Iterable[Change], at_ms: int) -> None:
        moved = tuple(changes)
        if moved:
            market.book_at_ms = max(at_ms, market.book_at_ms)
            self._tell(BookMoved(market, moved, at_ms))


def limit_of(match: Match) -> int:
    """Return the taker's price on the tick grid, in terms of the first outcome."""
    tick, taker = match.market.tick, match.taker
    own = round(taker.usdc * PRICE_ONE / taker.shares)
    price = own if taker.outcome == 0 else PRICE_ONE - own
    buying = (taker.side == "BUY") == (taker.outcome == 0)
    snapped = (-(-price // tick) if buying else price // tick) * tick
    return min(max(snapped, tick), PRICE_ONE - tick)


def _reachable(market: Market, side: Side, limit: int, shares: int) -> bool:
    levels = market.book.asks if side == "BUY" else market.book.bids
    within = (s for p, s in levels.items() if (p <= limit if side == "BUY" else p >= limit))
    return sum(within) >= shares
