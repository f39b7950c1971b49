"""Data API v2's leaderboard: every wallet ranked by profit or volume over a window, or the standing of one.

The venue marks what is held within a window; what was held before it is marked at today's prices here.
"""

from collections.abc import Iterable
from typing import NamedTuple

from simulator.core.amounts import MICRO
from simulator.core.world import World
from simulator.data_api import cursor, pages
from simulator.data_api.activity import Row
from simulator.data_api.data_v2 import one_user
from simulator.gateway.http_messages import Answer, Call, Query, RefusedError, Route, answer

_DAYS = {"day": 1, "week": 7, "month": 30, "all": 0}
_SORTS = {"PNL": "pnl", "VOLUME": "volume"}
_DAY_S = 86_400
_OVERALL = "overall"
Line = dict[str, object]


class _Board(NamedTuple):
    """The board asked for; a cursor pins it."""

    time_period: str
    sort_by: str
    category: str


class Leaderboard:
    """Serve /data/v2/leaderboard, which the CDN does not keep."""

    def __init__(self, world: World) -> None:
        """Look at a world."""
        self._world = world

    def routes(self) -> list[Route]:
        """Return what is served."""
        return [Route("GET", "/v2/leaderboard", self.board)]

    def board(self, call: Call) -> Answer:
        """Return a page of the board, or one wallet's standing."""
        query = call.query.in_snake_case()
        place = cursor.decode(query.get("cursor"), "board")
        board = _board_of(query, place)
        lines = self._lines(board, call.now_ms)
        if "user" in query.names():
            return answer({"data": _standing(lines, one_user(query))})
        ranked = _ranked(lines, _SORTS[board.sort_by])
        start, limit = (place.key[0], place.size) if place else (0, query.integer("limit", 100, 1, 1000))
        more = start + limit < len(ranked)
        following = cursor.Place((start + limit, 0), limit, " ".join(board)) if more else None
        pagination = pages.pagination(cursor.encode(following, "board") if following else None, limit)
        return pages.enveloped([pages.dump(line) for line in ranked[start : start + limit]], pagination)

    def _lines(self, board: _Board, now_ms: int) -> list[Line]:
        days = _DAYS[board.time_period]
        since = now_ms // 1000 - days * _DAY_S if days else 0
        by_wallet: dict[str, list[Row]] = {}
        for row in self._world.activity.everything():
            if row.timestamp >= since and row.data_at_ms <= now_ms and self._is_of(row, board.category):
                by_wallet.setdefault(row.wallet, []).append(row)
        return [self._line(wallet, rows, board, now_ms) for wallet, rows in by_wallet.items()]

    def _is_of(self, row: Row, category: str) -> bool:
        market = self._world.catalog.by_condition.get(row.condition_id)
        return category == _OVERALL or (market is not None and market.category.lower() == category)

    def _line(self, wallet: str, rows: list[Row], board: _Board, now_ms: int) -> Line:
        face = self._world.profile(wallet)
        realized = sum(position.realized for position in self._world.indexed.of_wallet(wallet))
        gained = realized if board.time_period == "all" else sum(self._worth(row, now_ms) for row in rows)
        return {
            "user_id": wallet,
            "pnl": round(gained / MICRO, 6),
            "volume": sum(row.shares for row in rows if row.kind == "TRADE") / MICRO,
            "user_name": face.name,
            "profile_image": "",
            "x_username": "",
            "verified": False,
        }

    def _worth(self, row: Row, now_ms: int) -> float:
        """Return what a row brought in cash, and what the shares that it moved are worth today."""
        buys = row.side == "BUY"
        market = self._world.catalog.by_condition.get(row.condition_id)
        tokens = market.tokens if market else ()
        moved = [place for place, token in enumerate(tokens) if row.kind == "MERGE" or token == _token_of(row)]
        shares = row.shares if buys else -row.shares
        worth = sum(float(shares * market.worth(place, now_ms)) for place in moved) if market else 0.0
        return (-row.usdc if buys else row.usdc) + worth


def _token_of(row: Row) -> str:
    """Return the token a row names; v1's texts of a redemption name none, v2's do."""
    return (row.v2_texts.get("token_id") or row.texts[8]).strip('"')


def _ranked(lines: Iterable[Line], name: str) -> list[Line]:
    """Rank from the largest down: equal ones share a rank, and the next one jumps."""
    ordered = sorted(lines, key=lambda line: (-float(str(line[name])), str(line["user_id"])))
    values = [line[name] for line in ordered]
    return [{"rank": values.index(line[name]) + 1, **line} for line in ordered]


def _standing(lines: list[Line], user: str) -> Line | None:
    found = next((line for line in lines if line["user_id"] == user), None)
    ranks = {
        f"rank_{name}": next((line["rank"] for line in _ranked(lines, name) if line["user_id"] == user), 0)
        for name in _SORTS.values()
    }
    return {**found, **ranks} if found else None


def _board_of(query: Query, place: cursor.Place | None) -> _Board:
    """Return the board asked for; a cursor knows its own, and refuses another."""
    asked = _Board(
        query.get("time_period", "day"), query.get("sort_by", "PNL").upper(), query.get("category", _OVERALL).lower()
    )
    if asked.time_period not in _DAYS:
        raise RefusedError(400, f"time_period must be one of {', '.join(_DAYS)}", parameter="time_period")
    if asked.sort_by not in _SORTS:
        raise RefusedError(400, "sort_by must be PNL or VOLUME", parameter="sort_by")
    if place is None:
        return asked
    pinned = _Board(*place.direction.split(" ", 2))
    for name, mine, given in zip(_Board._fields, pinned, asked, strict=True):
        if name in query.names() and given != mine:
            raise RefusedError(400, f"the cursor is of another board: {name}={mine}", parameter=name)
    return pinned
