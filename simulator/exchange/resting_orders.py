"""Traders' orders that rest in the book: each is the back of its level's queue, behind the crowd.

So what a level no longer holds of them was filled, whoever took it.
"""

from simulator.core.amounts import PRICE_ONE
from simulator.core.book import Levels, Side, opposite
from simulator.core.market import Market
from simulator.exchange.orders import PlacedOrder

Place = tuple[Side, int]


def place_of(order: PlacedOrder) -> Place:
    """Return where an order rests, in terms of the first outcome."""
    side, price = order.form.side, order.price
    return (side, price) if order.outcome == 0 else (opposite(side), PRICE_ONE - price)


class Rests:
    """Resting orders by market, oldest first."""

    def __init__(self) -> None:
        """Start with none."""
        self._orders: dict[str, list[PlacedOrder]] = {}

    def add(self, order: PlacedOrder) -> None:
        """Queue an order."""
        self._orders.setdefault(order.market.condition_id, []).append(order)

    def remove(self, order: PlacedOrder) -> None:
        """Forget an order."""
        self._orders[order.market.condition_id].remove(order)

    def of_market(self, market: Market) -> list[PlacedOrder]:
        """Return a market's orders, oldest first."""
        return list(self._orders.get(market.condition_id, ()))

    def joined(self, market: Market, bids: Levels, asks: Levels) -> tuple[Levels, Levels]:
        """Add the resting orders to fresh levels, but for those which the new prices trade through."""
        best_bid, best_ask = max(bids, default=0), min(asks, default=PRICE_ONE)
        for order in self.of_market(market):
            side, price = place_of(order)
            crossed = price >= best_ask if side == "BUY" else price <= best_bid
            if not crossed:
                levels = bids if side == "BUY" else asks
                levels[price] = levels.get(price, 0) + order.resting
        return bids, asks

    def lost(self, market: Market) -> list[tuple[PlacedOrder, int]]:
        """Return which orders the book no longer holds, and how many shares of each; the oldest went first."""
        found: list[tuple[PlacedOrder, int]] = []
        missing: dict[Place, int] = {}
        for order in self.of_market(market):
            place = place_of(order)
            missing[place] = missing.get(place, 0) + order.resting
        for (side, price), total in missing.items():
            levels = market.book.bids if side == "BUY" else market.book.asks
            missing[side, price] = max(0, total - levels.get(price, 0))
        for order in self.of_market(market):
            place = place_of(order)
            shares = min(missing[place], order.resting)
            if shares:
                missing[place] -= shares
                found.append((order, shares))
        return found
