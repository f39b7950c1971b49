"""Gamma: markets and events with their JSON-in-JSON fields."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from simulator.amounts import MICRO, PRICE_ONE, TICK_TEXTS, plain
from simulator.market import Event, Market
from simulator.web import Answer, Call, Query, RefusedError, Route, answer
from simulator.world import World

_DEPRECATED = {"deprecation": "true", "sunset": "Fri, 01 May 2026 00:00:00 GMT"}
_MAX_LIMIT = 100
_LEGACY_DEPTH = 2000


class Gamma:
    """Serve the routes under /gamma."""

    def __init__(self, world: World) -> None:
        """Look at a world."""
        self._world = world

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [
            Route("GET", "/markets", self.markets),
            Route("GET", "/markets/keyset", self.markets_keyset),
            Route("GET", "/markets/slug/{}", self.market_by_slug),
            Route("GET", "/markets/{}", self.market_by_id),
            Route("GET", "/events", self.events),
            Route("GET", "/events/keyset", self.events_keyset),
            Route("GET", "/events/slug/{}", self.event_by_slug),
            Route("GET", "/events/{}", self.event_by_id),
        ]

    def markets(self, call: Call) -> Answer:
        """Return the deprecated list: open markets only, unless closed=true."""
        listed = [market_json(m, call.now_ms) for m in self._fitting(call)]
        return _listed(call.query, listed)

    def markets_keyset(self, call: Call) -> Answer:
        """Return a page of markets."""
        listed = [market_json(m, call.now_ms) for m in self._fitting(call)]
        return _keyset(call.query, listed, "markets")

    def market_by_slug(self, call: Call) -> Answer:
        """Return one market, whatever its state."""
        return _one(self._world.catalog.by_slug.get(call.parts[0]), call.now_ms)

    def market_by_id(self, call: Call) -> Answer:
        """Return one market by Gamma's number."""
        known = (m for m in self._world.catalog.markets if str(m.number) == call.parts[0])
        return _one(next(known, None), call.now_ms)

    def events(self, call: Call) -> Answer:
        """Return the deprecated list of events."""
        return _listed(call.query, self._events(call))

    def events_keyset(self, call: Call) -> Answer:
        """Return a page of events."""
        return _keyset(call.query, self._events(call), "events")

    def event_by_slug(self, call: Call) -> Answer:
        """Return one event with its markets."""
        return self._event(call, lambda event: event.slug)

    def event_by_id(self, call: Call) -> Answer:
        """Return one event by number."""
        return self._event(call, lambda event: str(event.number))

    def _event(self, call: Call, name: Callable[[Event], str]) -> Answer:
        found = next((e for e in self._world.catalog.events if name(e) == call.parts[0]), None)
        if found is None:
            raise RefusedError(404, "not found", code="not_found")
        return answer(event_json(found, call.now_ms))

    def _events(self, call: Call) -> list[dict[str, Any]]:
        query, now = call.query, call.now_ms
        closed = query.flag("closed", default=False)
        slugs, ids = set(query.every("slug")), set(query.every("id"))
        return [
            event_json(event, now)
            for event in self._world.catalog.events
            if all(market.closed(now) for market in event.markets) == closed
            and (not slugs or event.slug in slugs)
            and (not ids or str(event.number) in ids)
        ]

    def _fitting(self, call: Call) -> list[Market]:
        query, now = call.query, call.now_ms
        closed = query.flag("closed", default=False)
        versions = set(query.every("version"))
        return [
            market
            for market in self._candidates(query)
            if market.closed(now) == closed and (not versions or "v1" in versions)
        ]

    def _candidates(self, query: Query) -> list[Market]:
        catalog = self._world.catalog
        if conditions := query.every("condition_ids"):
            found = (catalog.by_condition.get(each.lower()) for each in conditions)
        elif tokens := query.every("clob_token_ids"):
            found = (catalog.by_token.get(each) for each in tokens)
        elif slugs := query.every("slug"):
            found = (catalog.by_slug.get(each) for each in slugs)
        elif ids := query.every("id"):
            found = (market for market in catalog.markets if str(market.number) in ids)
        else:
            return list(catalog.markets)
        return list(dict.fromkeys(market for market in found if market))


def market_json(market: Market, now_ms: int, *, nested: bool = False) -> dict[str, Any]:
    """Return a market as Gamma writes it; events carry their markets without events."""
    body = _facts(market) | _state(market, now_ms) | _prices(market, now_ms)
    if not nested:
        body["events"] = [_event_facts(market.event, now_ms)]
    return body


def event_json(event: Event, now_ms: int) -> dict[str, Any]:
    """Return an event with its markets."""
    markets = [market_json(market, now_ms, nested=True) for market in event.markets]
    return _event_facts(event, now_ms) | {"markets": markets}


def _facts(market: Market) -> dict[str, Any]:
    charged = market.fee_rate > 0
    return {
        "id": str(market.number),
        "question": market.question,
        "conditionId": market.condition_id,
        "questionID": market.question_id,
        "slug": market.slug,
        "version": "v1",
        "icon": market.icon,
        "image": market.icon,
        "description": f"A made-up market: {market.question}",
        "category": market.category,
        "outcomes": json.dumps(market.outcomes),
        "clobTokenIds": json.dumps(market.tokens),
        "startDate": iso(market.start_ms),
        "endDate": iso(market.end_ms),
        "endDateIso": iso(market.end_ms)[:10],
        "createdAt": iso(market.start_ms),
        "enableOrderBook": True,
        "orderPriceMinTickSize": float(TICK_TEXTS[market.tick]),
        "orderMinSize": market.min_size / MICRO,
        "negRisk": market.neg_risk,
        "negRiskRequestID": "",
        "feesEnabled": charged,
        "feeType": "taker_fees" if charged else None,
        "feeSchedule": {
            "exponent": 1,
            "rate": float(market.fee_rate),
            "takerOnly": True,
            "rebateRate": 0.2,
        },
        "secondsDelay": 0,
    }


def _state(market: Market, now_ms: int) -> dict[str, Any]:
    closed = market.closed(now_ms)
    ended = market.resolution
    body: dict[str, Any] = {
        "active": True,
        "closed": closed,
        "archived": False,
        "acceptingOrders": market.trading(now_ms),
        "updatedAt": iso(now_ms),
        "umaResolutionStatus": "resolved" if closed else "",
    }
    if closed and ended:
        at = datetime.fromtimestamp(ended.chain_at_ms / 1000, UTC)
        body["closedTime"] = f"{at:%Y-%m-%d %H:%M:%S}+00"
        body["resolvedBy"] = "0x6A9D222616C90FcA5754cd1333cFD9b7fb6a4F74"
    return body


def _prices(market: Market, now_ms: int) -> dict[str, Any]:
    prices = [plain(market.worth(outcome, now_ms)) for outcome in (0, 1)]
    bid, ask = market.book.best(0)
    body: dict[str, Any] = {
        "outcomePrices": json.dumps(prices),
        "volume": str(market.volume / MICRO),
        "volumeNum": market.volume / MICRO,
        "volume24hr": market.volume / MICRO,
        "liquidityNum": sum(market.book.bids.values()) / MICRO,
    }
    if market.last_price is not None:
        body["lastTradePrice"] = market.last_price / PRICE_ONE
    if bid is not None and ask is not None and market.trading(now_ms):
        body |= {"bestBid": bid / PRICE_ONE, "bestAsk": ask / PRICE_ONE}
        body["spread"] = round((ask - bid) / PRICE_ONE, 4)
    return body


def _event_facts(event: Event, now_ms: int) -> dict[str, Any]:
    starts = [market.start_ms for market in event.markets]
    ends = [market.end_ms for market in event.markets]
    return {
        "id": str(event.number),
        "ticker": event.slug,
        "slug": event.slug,
        "title": event.title,
        "active": True,
        "closed": all(market.closed(now_ms) for market in event.markets),
        "archived": False,
        "negRisk": event.neg_risk,
        "startDate": iso(min(starts, default=0)),
        "endDate": iso(max(ends, default=0)),
    }


def iso(at_ms: int) -> str:
    """Return a time in ISO 8601 with a Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _one(market: Market | None, now_ms: int) -> Answer:
    if market is None:
        raise RefusedError(404, "not found", code="not_found")
    return answer(market_json(market, now_ms))


def _listed(query: Query, values: list[dict[str, Any]]) -> Answer:
    limit, offset = query.integer("limit", 20), query.integer("offset", 0)
    if offset > _LEGACY_DEPTH:
        raise RefusedError(422, "offset too large, use /markets/keyset")
    page = values[offset : offset + min(limit, 500)]
    return Answer(json.dumps(page), headers=_DEPRECATED)


def _keyset(query: Query, values: list[dict[str, Any]], name: str) -> Answer:
    """Return a page; only `after_cursor` moves on, a `cursor` is ignored without a word."""
    if "offset" in query.names():
        raise RefusedError(422, "offset is not supported, use after_cursor")
    limit = min(query.integer("limit", 20, 1), _MAX_LIMIT)
    after = query.get("after_cursor", "k0")
    if not (after.startswith("k") and after[1:].isdigit()):
        raise RefusedError(422, "invalid after_cursor")
    last = int(after[1:])
    page = [value for value in values if int(value["id"]) > last][:limit]
    body: dict[str, Any] = {name: page}
    if page and page[-1] is not values[-1]:
        body["next_cursor"] = f"k{page[-1]['id']}"
    return answer(body)
