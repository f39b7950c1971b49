"""CLOB public market data over REST: every price and size is a string."""

from typing import cast

from simulator.clob.batch_prices import last_trade, midpoint_text, spread_text
from simulator.clob.book_json import REWARDED_SHARES, REWARDED_SPREAD, book_json, market_json
from simulator.core.amounts import MICRO, TICK_TEXTS, number_of, price_text
from simulator.core.market import Market
from simulator.core.world import World
from simulator.gateway.http_messages import Answer, Call, Json, RefusedError, Route, answer

_NO_BOOK = "No orderbook exists for the requested token id"


class Clob:
    """Serve the routes under /clob."""

    def __init__(self, world: World) -> None:
        """Look at a world."""
        self._world = world

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("GET", "/book", self.book),
            Route("POST", "/books", self.books),
            Route("GET", "/price", self.price),
            Route("GET", "/midpoint", self.midpoint),
            Route("GET", "/spread", self.spread),
            Route("GET", "/last-trade-price", self.last_trade_price),
            Route("GET", "/tick-size", self.tick_size),
            Route("GET", "/neg-risk", self.neg_risk),
            Route("GET", "/fee-rate", self.fee_rate),
            Route("GET", "/clob-markets/{}", self.short_market),
            Route("GET", "/markets-by-token/{}", self.market_by_token),
            Route("GET", "/markets/{}", self.market),
            Route("GET", "/time", self.time),
            Route("GET", "/ok", lambda _: answer("OK")),
            Route("GET", "/", lambda _: answer("OK")),
            Route("GET", "/version", lambda _: answer({"version": 2})),
        ]

    def book(self, call: Call) -> Answer:
        """Return one token's book."""
        token_id = call.query.get("token_id")
        return answer(book_json(self._world, self._open(call, token_id), token_id, call.now_ms))

    def books(self, call: Call) -> Answer:
        """Return several books; unknown tokens are left out."""
        wishes = call.json()
        if not isinstance(wishes, list):
            raise RefusedError(400, "Invalid payload")
        asked = [str(each.get("token_id")) for each in cast("list[dict[str, Json]]", wishes)]
        catalog, now = self._world.catalog, call.now_ms
        known = [(t, catalog.by_token[t]) for t in asked if t in catalog.by_token]
        return answer([book_json(self._world, m, t, now) for t, m in known if m.trading(now)])

    def price(self, call: Call) -> Answer:
        """Return the best resting order of a side: BUY is the best bid."""
        market, outcome = self._asked(call)
        side = call.query.get("side").upper()
        if side not in {"BUY", "SELL"}:
            raise RefusedError(400, "Invalid side")
        best = market.book.best(outcome)[side == "SELL"]
        return answer({"price": "0" if best is None else price_text(best, market.tick)})

    def midpoint(self, call: Call) -> Answer:
        """Return the middle of bid and ask."""
        return answer({"mid": _there(midpoint_text(*self._asked(call)))})

    def spread(self, call: Call) -> Answer:
        """Return ask minus bid."""
        return answer({"spread": _there(spread_text(*self._asked(call)))})

    def last_trade_price(self, call: Call) -> Answer:
        """Return the last print; before the first one the price is 0.5 and the side empty."""
        return answer(last_trade(*self._asked(call)))

    def tick_size(self, call: Call) -> Answer:
        """Return the minimum tick as a number."""
        market, _ = self._asked(call)
        return answer({"minimum_tick_size": float(TICK_TEXTS[market.tick])})

    def neg_risk(self, call: Call) -> Answer:
        """Tell which exchange settles the token."""
        return answer({"neg_risk": self._asked(call)[0].neg_risk})

    def fee_rate(self, call: Call) -> Answer:
        """Return the legacy fee, a constant of V1."""
        self._asked(call)
        return answer({"base_fee": 0})

    def short_market(self, call: Call) -> Answer:
        """Return a market in the trading SDK's short keys."""
        market = self._condition(call.parts[0])
        names = zip(market.tokens, market.outcomes, strict=True)
        return answer(
            {
                "c": market.condition_id,
                "mts": float(TICK_TEXTS[market.tick]),
                "mos": market.min_size / MICRO,
                "nr": market.neg_risk,
                "t": [{"t": token_id, "o": outcome} for token_id, outcome in names],
                "fd": {"r": float(market.fee_rate), "e": number_of(market.fee_exponent), "to": True},
                "r": {"mi": REWARDED_SHARES, "ma": REWARDED_SPREAD, "e": True},
                "ao": market.trading(call.now_ms),
                "sd": market.delay_s,
                "mbf": 0,
                "tbf": 0,
                "cbos": True,
                "rfqe": False,
                "ibce": False,
            }
        )

    def market_by_token(self, call: Call) -> Answer:
        """Return which condition a token belongs to."""
        market = self._world.catalog.by_token.get(call.parts[0])
        if market is None:
            raise RefusedError(404, "market not found")
        first, second = market.tokens
        return answer(
            {
                "condition_id": market.condition_id,
                "primary_token_id": first,
                "secondary_token_id": second,
            }
        )

    def market(self, call: Call) -> Answer:
        """Return a market with its tokens, prices and, in the end, its winner."""
        return answer(market_json(self._condition(call.parts[0]), call.now_ms))

    def time(self, call: Call) -> Answer:
        """Return the venue's clock in seconds."""
        skew = self._world.faults.skew_ms("clob", call.now_ms)
        return answer((call.now_ms + skew) // 1000)

    def _condition(self, condition_id: str) -> Market:
        market = self._world.catalog.by_condition.get(condition_id.lower())
        if market is None:
            raise RefusedError(404, "market not found")
        return market

    def _open(self, call: Call, token_id: str) -> Market:
        if not token_id:
            raise RefusedError(400, "Invalid token id")
        market = self._world.catalog.by_token.get(token_id)
        if market is None or not market.trading(call.now_ms):
            raise RefusedError(404, _NO_BOOK)
        return market

    def _asked(self, call: Call) -> tuple[Market, int]:
        token_id = call.query.get("token_id")
        market = self._open(call, token_id)
        return market, market.outcome_of(token_id)


def _there(text: str | None) -> str:
    if text is None:
        raise RefusedError(404, _NO_BOOK)
    return text
