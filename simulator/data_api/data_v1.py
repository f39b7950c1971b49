"""Data API v1: bare arrays, camel case, offset pages. Documented as retired on 2026-10-24."""

from collections.abc import Sequence

from simulator.core.world import World
from simulator.data_api import pages
from simulator.data_api.activity import Row, Shape, between
from simulator.data_api.positions import Holdings
from simulator.gateway.http_messages import Answer, Call, Query, RefusedError, Route, answer

_PAGE = 500
_DEPTH = 5000
_TRADES_DEPTH = 10_000
_MONEY_MOVES = frozenset({"DEPOSIT", "WITHDRAWAL"})


class DataV1:
    """Serve the routes right under /data."""

    def __init__(self, world: World) -> None:
        """Look at a world."""
        self._world = world
        self._holdings = Holdings(world)

    def routes(self) -> list[Route]:
        """Return what is served; the CDN leaves v1 alone."""
        return [
            Route("GET", "/activity", self.activity),
            Route("GET", "/trades", self.trades),
            Route("GET", "/positions", self.positions),
            Route("GET", "/value", self.value),
        ]

    def activity(self, call: Call) -> Answer:
        """Return a wallet's rows; a limit above 500 is cut without a word."""
        query = call.query
        user = _user(query)
        kinds = set(query.every("type"))
        hidden = _MONEY_MOVES if query.flag("excludeDepositsWithdrawals", default=True) else ()
        rows = [
            row
            for row in self._span(call, self._world.activity.of_wallet(user))
            if (not kinds or row.kind in kinds) and row.kind not in hidden
        ]
        limit = min(query.integer("limit", 100), _PAGE)
        offset = query.integer("offset", 0)
        if offset > _DEPTH:
            raise RefusedError(400, f"max historical activity offset of {_DEPTH} exceeded")
        return self._page(call, _sorted(query, rows), (limit, offset), "v1_activity")

    def trades(self, call: Call) -> Answer:
        """Return trades, the taker's only by default."""
        query = call.query
        user, feed = query.get("user").lower(), self._world.activity
        taker_only = query.flag("takerOnly", default=True)
        rows = [
            row
            for row in self._span(call, feed.of_wallet(user) if user else feed.everything())
            if row.kind == "TRADE"
            and (row.taker or not taker_only)
            and (not query.get("filterType") or pages.large_enough(row, query.in_snake_case()))
        ]
        limit = min(query.integer("limit", 100), _TRADES_DEPTH)
        offset = query.integer("offset", 0)
        if offset > _TRADES_DEPTH:
            raise RefusedError(400, f"max historical trades offset of {_TRADES_DEPTH} exceeded")
        return self._page(call, rows, (limit, offset), "v1_trades")

    def positions(self, call: Call) -> Answer:
        """Return a wallet's holdings."""
        return self._holdings.v1(call.query, _user(call.query), call.now_ms)

    def value(self, call: Call) -> Answer:
        """Return what a wallet's holdings are worth."""
        return answer([self._holdings.value(_user(call.query), call.now_ms, "user")])

    def _span(self, call: Call, rows: Sequence[Row]) -> list[Row]:
        query = call.query
        end = query.integer("end", 0) or call.now_ms // 1000 + 86_400
        span = between(
            rows,
            query.integer("start", 0),
            end,
            after=None,
            newest_first=query.get("sortDirection", "DESC") == "DESC",
        )
        return [row for row in span if row.data_at_ms <= call.now_ms and _chosen(query, row)]

    def _page(self, call: Call, rows: list[Row], window: tuple[int, int], shape: Shape) -> Answer:
        limit, offset = window
        faults = self._world.faults
        if offset and faults.take("duplicate_border", "data", call.path, call.now_ms):
            offset -= 1
        return pages.bare(pages.rendered(rows[offset : offset + limit], shape, self._world, call))


def _user(query: Query) -> str:
    if not query.get("user"):
        raise RefusedError(400, "required query param 'user' not provided")
    return query.get("user").lower()


def _chosen(query: Query, row: Row) -> bool:
    markets = {each.lower() for each in query.every("market")}
    side = query.get("side")
    return (not markets or row.condition_id in markets) and (not side or row.side == side)


def _sorted(query: Query, rows: list[Row]) -> list[Row]:
    by, falling = query.get("sortBy", "TIMESTAMP"), query.get("sortDirection", "DESC") == "DESC"
    if by == "TIMESTAMP":
        return rows
    return sorted(rows, key=lambda r: r.usdc if by == "CASH" else r.shares, reverse=falling)
