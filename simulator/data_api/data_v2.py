"""Data API v2: cursor-paged feeds of a wallet or a market, positions, status, resolutions."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice

from simulator.core import contracts
from simulator.core.world import World
from simulator.data_api import cursor, pages
from simulator.data_api.activity import Row, Shape, between
from simulator.data_api.data_facts import markets_of
from simulator.data_api.positions import Holdings
from simulator.gateway.http_messages import Answer, Call, Query, RefusedError, Route, answer

KINDS = frozenset(
    {
        "TRADE", "SPLIT", "MERGE", "REDEEM", "CONVERSION", "MIGRATION", "REWARD", "YIELD", "MAKER_REBATE",
        "TAKER_REBATE", "REFERRAL_REWARD", "DEPOSIT", "WITHDRAWAL", "TIP",
    }
)  # fmt: skip
_MONEY_MOVES = frozenset({"DEPOSIT", "WITHDRAWAL"})
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_MAX_LIMIT = 1000
_FILTERS = frozenset(
    {
        "user", "type", "condition", "condition_id", "event_id", "side", "start", "end", "sort_by", "sort_direction",
        "taker_only", "filter_type", "filter_amount", "exclude_deposits_withdrawals", "status", "title",
    }
)  # fmt: skip


class DataV2:
    """Serve the routes under /data/v2."""

    def __init__(self, world: World) -> None:
        """Look at a world."""
        self._world = world
        self._holdings = Holdings(world)

    def routes(self) -> list[Route]:
        """Return what is served, with the CDN's ages."""
        return [
            Route("GET", "/v2/activity", self.activity, 15),
            Route("GET", "/v2/trades", self.trades, 300),
            Route("GET", "/v2/positions", self.positions, 5),
            Route("GET", "/v2/value", self.value),
        ]

    def activity(self, call: Call) -> Answer:
        """Return a wallet's rows of any type."""
        query = _checked(call)
        user = one_user(query)
        kinds = set(query.every("type")) or KINDS - {"TIP"}
        if kinds - KINDS:
            raise RefusedError(400, f"unknown type {sorted(kinds - KINDS)}", parameter="type")
        if query.flag("exclude_deposits_withdrawals", default=True):
            kinds -= _MONEY_MOVES
        rows = self._world.activity.of_wallet(user)
        markets = markets_of(self._world, query)
        side = _choice(query, "side", {"BUY", "SELL"})
        fitting = (
            row
            for row in self._span(call, query, rows)
            if (row.kind in kinds or row.kind not in KINDS)
            and (not side or row.side == side)
            and (markets is None or row.condition_id in markets)
        )
        place = _place(query)
        limit = _limit(query) if place is None or "limit" in query.names() else place.size
        return self._page(call, query, fitting, "v2_activity", limit)

    def trades(self, call: Call) -> Answer:
        """Return the trades of a wallet, of markets or of all: the taker's only by default."""
        query = _checked(call)
        markets = markets_of(self._world, query)
        taker_only = query.flag("taker_only", default=True)
        side = _choice(query, "side", {"BUY", "SELL"})
        if "user" not in query.names():
            query = query.without("start", "end")
        fitting = (
            row
            for row in self._span(call, query, self._traded(query, markets))
            if row.kind == "TRADE"
            and (row.taker or not taker_only)
            and (not side or row.side == side)
            and (markets is None or row.condition_id in markets)
            and pages.large_enough(row, query)
        )
        place = _place(query)
        return self._page(call, query, fitting, "v2_trades", place.size if place else _limit(query))

    def positions(self, call: Call) -> Answer:
        """Return a wallet's or a market's positions of one status."""
        query = _checked(call)
        place = _place(query)
        window = (place.key[0], place.size) if place else (0, _limit(query))
        return self._holdings.v2(query, call.now_ms, window, cursor.filters_of(query, _FILTERS))

    def value(self, call: Call) -> Answer:
        """Return what a wallet's open positions are worth."""
        user = one_user(_checked(call))
        return answer({"data": self._holdings.value(user, call.now_ms, "proxy_wallet")})

    def _span(self, call: Call, query: Query, rows: Sequence[Row]) -> Iterable[Row]:
        start, end = query.integer("start", 0), query.integer("end", 0)
        _choice(query, "sort_by", {"TIMESTAMP"})
        asked = _choice(query, "sort_direction", {"ASC", "DESC"}) or "DESC"
        place = _place(query)
        span = between(
            rows,
            start or call.now_ms // 1000 - 3 * 365 * 86_400,
            end or call.now_ms // 1000 + 86_400,
            after=place.key if place else None,
            newest_first=(place.direction if place else asked) == "DESC",
        )
        return (row for row in span if row.data_at_ms <= call.now_ms)

    def _page(self, call: Call, query: Query, rows: Iterable[Row], shape: Shape, limit: int) -> Answer:
        found = list(islice(rows, limit + 1))
        page, more = found[:limit], len(found) > limit
        following: str | None = None
        if more:
            place, bound = _place(query), cursor.filters_of(query, _FILTERS)
            direction = place.direction if place else query.get("sort_direction", "DESC")
            following = cursor.encode(cursor.Place(page[-1].key, limit, direction), bound)
        pagination = pages.pagination(following, limit)
        if more:
            self._spoil(call, query, pagination)
        texts = pages.rendered(page, shape, self._world, call)
        return pages.enveloped(texts, pagination)

    def _spoil(self, call: Call, query: Query, pagination: dict[str, object]) -> None:
        faults = self._world.faults
        if faults.take("missing_cursor", "data", call.path, call.now_ms):
            del pagination["next_cursor"]
        given = query.get("cursor")
        if given and faults.take("repeat_cursor", "data", call.path, call.now_ms):
            pagination["next_cursor"] = given

    def _traded(self, query: Query, markets: set[str] | None) -> Sequence[Row]:
        activity = self._world.activity
        user = query.get("user")
        if user and "," in user:
            return ()  # seen live: a list of addresses finds nothing, without an error
        if user:
            return activity.of_wallet(one_user(query))
        if markets is not None and len(markets) == 1:
            return activity.of_condition(next(iter(markets)))
        return activity.everything()


def one_user(query: Query) -> str:
    """Return the wallet asked for; refuse lists, malformed addresses and the protocol's own."""
    user = query.get("user")
    if not _ADDRESS.fullmatch(user):
        raise RefusedError(400, "user must be a 0x-prefixed address", parameter="user")
    if user.lower() in contracts.PROTOCOL:
        raise RefusedError(400, "user is a protocol contract", parameter="user")
    return user.lower()


def _checked(call: Call) -> Query:
    query = call.query.in_snake_case()
    if "offset" in query.names():
        raise RefusedError(400, "offset is not supported, use cursor", parameter="offset")
    _limit(query)
    return query


def _place(query: Query) -> cursor.Place | None:
    """Return where a cursor goes on; the filters have to be sent again with it."""
    return cursor.decode(query.get("cursor"), cursor.filters_of(query, _FILTERS))


def _limit(query: Query) -> int:
    return query.integer("limit", 100, 1, _MAX_LIMIT)


def _choice(query: Query, name: str, allowed: set[str]) -> str:
    text = query.get(name)
    if text and text not in allowed:
        raise RefusedError(400, f"{name} must be one of {sorted(allowed)}", parameter=name)
    return text
