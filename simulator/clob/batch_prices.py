"""CLOB public prices of several tokens in one request: bodies name tokens, unknown ones are left out of the answer."""

from collections.abc import Callable, Iterator
from typing import Any, cast

from simulator.core.amounts import PRICE_ONE, price_text
from simulator.core.market import Market
from simulator.core.world import World
from simulator.gateway.http_messages import Answer, Call, Json, RefusedError, Route, answer

_SIDES = {"BUY": 0, "SELL": 1}


class BatchPrices:
    """Serve the plural routes under /clob."""

    def __init__(self, world: World) -> None:
        """Look at a world."""
        self._world = world

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("POST", "/midpoints", self._each(midpoint_text)),
            Route("POST", "/spreads", self._each(spread_text)),
            Route("POST", "/prices", self.prices),
            Route("POST", "/last-trades-prices", self.last_trades),
        ]

    def prices(self, call: Call) -> Answer:
        """Return the best resting price of each token and side."""
        found: dict[str, dict[str, str]] = {}
        for wish, market, outcome in self._asked(call):
            side = str(wish.get("side", "")).upper()
            if side not in _SIDES:
                raise RefusedError(400, "Invalid side")
            best = market.book.best(outcome)[_SIDES[side]]
            found.setdefault(str(wish["token_id"]), {})[side] = "0" if best is None else price_text(best, market.tick)
        return answer(found)

    def last_trades(self, call: Call) -> Answer:
        """Return the last print of each token that has one."""
        return answer(
            [
                {"token_id": str(wish["token_id"]), **last_trade(market, outcome)}
                for wish, market, outcome in self._asked(call)
                if market.last_price is not None
            ]
        )

    def _each(self, text_of: Callable[[Market, int], str | None]) -> Callable[[Call], Answer]:
        def told(call: Call) -> Answer:
            texts = {str(wish["token_id"]): text_of(market, outcome) for wish, market, outcome in self._asked(call)}
            return answer({token: text for token, text in texts.items() if text is not None})

        return told

    def _asked(self, call: Call) -> Iterator[tuple[dict[str, Any], Market, int]]:
        wishes = call.json()
        if not isinstance(wishes, list):
            raise RefusedError(400, "Invalid payload")
        for wish in cast("list[dict[str, Json]]", wishes):
            market = self._world.catalog.by_token.get(str(wish.get("token_id")))
            if market is not None and market.trading(call.now_ms):
                yield wish, market, market.outcome_of(str(wish["token_id"]))


def midpoint_text(market: Market, outcome: int) -> str | None:
    """Return the middle of bid and ask, None where a side is empty."""
    middle = market.book.middle(outcome)
    return None if middle is None else f"{middle / PRICE_ONE:.5f}".rstrip("0")


def spread_text(market: Market, outcome: int) -> str | None:
    """Return ask minus bid, None where a side is empty."""
    bid, ask = market.book.best(outcome)
    return None if bid is None or ask is None else price_text(ask - bid, market.tick)


def last_trade(market: Market, outcome: int) -> dict[str, str]:
    """Return a token's last print; before the first one the price is 0.5 and the side empty."""
    if market.last_price is None:
        return {"price": "0.5", "side": ""}
    own = market.last_price if outcome == 0 else PRICE_ONE - market.last_price
    return {"price": price_text(own, market.tick), "side": market.last_side or ""}
