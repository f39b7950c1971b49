"""Gamma: markets and events with their JSON-in-JSON fields."""

import json
from collections.abc import Callable
from typing import Any

from simulator.core.market import Event, Market
from simulator.core.world import World
from simulator.gamma.event_facts import tags_json
from simulator.gamma.gamma_json import event_json, market_json, version_of
from simulator.gateway.http_messages import Answer, Call, Query, RefusedError, Route, answer

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
            Route("GET", "/events/{}/tags", self.event_tags),
            Route("GET", "/markets/{}/tags", self.market_tags),
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

    def event_tags(self, call: Call) -> Answer:
        """Return the tags of an event."""
        return answer(tags_json(self._found(call, lambda event: str(event.number))))

    def market_tags(self, call: Call) -> Answer:
        """Return the tags of a market: its event's."""
        known = (m.event for m in self._world.catalog.markets if str(m.number) == call.parts[0])
        return answer(tags_json(_there(next(known, None))))

    def _event(self, call: Call, name: Callable[[Event], str]) -> Answer:
        return answer(event_json(self._found(call, name), call.now_ms))

    def _found(self, call: Call, name: Callable[[Event], str]) -> Event:
        return _there(next((e for e in self._world.catalog.events if name(e) == call.parts[0]), None))

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
            if market.closed(now) == closed and (not versions or version_of(market) in versions)
        ]

    def _candidates(self, query: Query) -> list[Market]:
        catalog = self._world.catalog
        if conditions := query.every("condition_ids"):
            found = (catalog.by_condition.get(each.lower()) for each in conditions)
        elif tokens := query.every("clob_token_ids"):
            found = (catalog.by_token.get(each) for each in tokens)
        elif positions := query.every("position_ids"):
            found = (catalog.by_token.get(each) for each in positions)
        elif slugs := query.every("slug"):
            found = (catalog.by_slug.get(each) for each in slugs)
        elif ids := query.every("id"):
            found = (market for market in catalog.markets if str(market.number) in ids)
        else:
            return list(catalog.markets)
        return list(dict.fromkeys(market for market in found if market))


def _one(market: Market | None, now_ms: int) -> Answer:
    if market is None:
        raise RefusedError(404, "not found", code="not_found")
    return answer(market_json(market, now_ms))


def _there(event: Event | None) -> Event:
    if event is None:
        raise RefusedError(404, "not found", code="not_found")
    return event


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
