"""The resting side of every market: quotes around a fair price, eaten by matches."""

from collections.abc import Callable, Iterable
from random import Random

from simulator.core.amounts import PRICE_ONE, cost
from simulator.core.book import Change, Levels, Side, ladder, opposite
from simulator.core.fill import Match
from simulator.core.market import Market
from simulator.core.scheduled_actions import Agenda
from simulator.core.settings import Settings
from simulator.core.world_events import BookMoved, News
from simulator.exchange.resting_orders import Rests

_REQUOTE_S = 1.5
Priced = list[tuple[int, int]]


class Desk:
    """Keep books plausible and consistent with what trades."""

    def __init__(self, settings: Settings, agenda: Agenda, random: Random, tell: Callable[[News], None]) -> None:
        """Quote on behalf of the crowd."""
        self._settings = settings
        self._agenda = agenda
        self._random = random
        self._tell = tell
        self.rests = Rests()
        self.swept: Callable[[Market, int], None] = _nobody

    def quote(self, market: Market, at_ms: int) -> None:
        """Put fresh levels around a market's fair price, while it trades and the crowd quotes it."""
        if market.trading(at_ms) and market.quoted:
            levels = self.rests.joined(market, *ladder(market.fair, market.tick, self._random))
            self._moved(market, market.book.replace(*levels), at_ms)
            self.swept(market, at_ms)

    def take(self, market: Market, outcome: int, side: Side, levels: Priced, at_ms: int) -> None:
        """Let a signed order eat these prices and shares of an outcome's book."""
        changes = [self._resize(market, outcome, side, price, -shares) for price, shares in levels]
        self._moved(market, changes, at_ms)
        last = levels[-1][0]
        market.last_price, market.last_side = (last, side) if outcome == 0 else (PRICE_ONE - last, opposite(side))
        market.volume += sum(cost(shares, price) for price, shares in levels)
        self.swept(market, at_ms)
        self._quote_soon(market, at_ms)

    def give_back(self, market: Market, outcome: int, side: Side, levels: Priced, at_ms: int) -> None:
        """Put eaten levels back, but for those that would cross the book of today."""
        bid, ask = market.book.best(outcome)
        sound = [
            (price, shares)
            for price, shares in levels
            if (bid is None or price > bid if side == "BUY" else ask is None or price < ask)
        ]
        if market.trading(at_ms):
            changes = [self._resize(market, outcome, side, price, shares) for price, shares in sound]
            self._moved(market, changes, at_ms)

    def put(self, market: Market, bids: Levels, asks: Levels, at_ms: int) -> None:
        """Put exactly these levels in the first outcome's book, beside what rests there."""
        self._moved(market, market.book.replace(*self.rests.joined(market, bids, asks)), at_ms)
        self.swept(market, at_ms)

    def change(self, market: Market, side: Side, price: int, shares: int, at_ms: int) -> None:
        """Add shares to a level of the first outcome's book, or take some out."""
        levels = market.book.bids if side == "BUY" else market.book.asks
        self._moved(market, [market.book.put(side, price, levels.get(price, 0) + shares)], at_ms)

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
        self.swept(market, match.at_ms)
        self._quote_soon(market, match.at_ms)

    def _quote_soon(self, market: Market, at_ms: int) -> None:
        self._agenda.at(at_ms + self._settings.wall_ms(_REQUOTE_S), lambda at: self.quote(market, at))

    def _resize(self, market: Market, outcome: int, side: Side, price: int, shares: int) -> Change:
        """Change what a taker of an outcome meets at a price."""
        if outcome == 0:
            resting, own = opposite(side), price
        else:
            resting, own = side, PRICE_ONE - price
        levels = market.book.bids if resting == "BUY" else market.book.asks
        return market.book.put(resting, own, levels.get(own, 0) + shares)

    def _make_room(self, match: Match, side: Side, limit: int) -> None:
        """Recentre on a price given from outside, so that it could have happened."""
        market, book = match.market, match.market.book
        market.fair = limit
        self.quote(market, match.at_ms)
        own, other = (book.bids, book.asks) if side == "BUY" else (book.asks, book.bids)
        crossed = [p for p in own if (p >= limit if side == "BUY" else p <= limit)]
        changes = [book.put(side, price, 0) for price in crossed]
        depth = max(other.get(limit, 0), match.taker.shares)
        changes.append(book.put(opposite(side), limit, depth))
        self._moved(market, changes, match.at_ms)

    def _moved(self, market: Market, changes: Iterable[Change], at_ms: int) -> None:
        moved = tuple(changes)
        if moved:
            market.book_at_ms = max(at_ms, market.book_at_ms)
            self._tell(BookMoved(market, moved, at_ms))


def _nobody(_market: Market, _at_ms: int) -> None:
    """Stand in until an exchange listens."""


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
