"""The Data API's activity feed of one wallet, v2 and v1, as pages of raw rows."""

import itertools
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from shared.clock import Clock
from shared.domain.errors import Malformed
from shared.http.client import Upstream
from shared.polymarket.wire.leader_fills import V1_NAMES, V2_NAMES, Names, row_time_ms
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_flag, read_text
from shared.rate_limit.limits import GateLane

V2_PAGE = 1000
V1_PAGE = 500
TRADES = "TRADE"
TRADES_AND_MERGES = "TRADE,MERGE"
OTHER_KINDS = "MERGE,SPLIT,REDEEM,CONVERSION"
"""Rows by which shares come or go without a trade."""
V1_DEPTH = 5000
"""The largest offset v1 takes (venue reference 1.2)."""


@dataclass(frozen=True)
class ActivityPage:
    """One answer; `next_cursor` is '' where the venue gave none, `kept_ms` for how long a cache had kept it."""

    rows: list[Any]
    has_more: bool = False
    next_cursor: str = ""
    kept_ms: int = 0


class ActivityApi(Protocol):
    """A version of the feed.

    `exact_cursors` says whether a cursor continues exactly after the last row; where it does not (v1's offsets move
    when rows arrive), readers start again at the newest second instead.
    """

    names: Names
    exact_cursors: bool

    def page(self, user: str, start_s: int, cursor: str, lane: GateLane) -> ActivityPage:
        """Return trades from `start_s` on, oldest first.

        Raises:
            TryAgain: throttled or away.
            GiveUp: refused, or an answer of another form.
        """
        ...

    def newest_s(self, user: str, lane: GateLane) -> int | None:
        """Return when the newest trade was, by the venue's clock; None without any."""
        ...


class ActivityV2:
    """`/v2/activity`: cursor pages. A changing `_` passes the CDN, which would hide 15 s of trades (pitfall 8)."""

    names: Names = V2_NAMES
    exact_cursors = True

    def __init__(self, upstream: Upstream, clock: Clock, limit: int = V2_PAGE, *, kinds: str = TRADES) -> None:
        self._upstream, self._limit, self._kinds = upstream, limit, kinds
        self._buster = _buster(clock)

    def page(self, user: str, start_s: int, cursor: str, lane: GateLane) -> ActivityPage:
        """Return one page of trades, oldest first."""
        asked = {"start": start_s, "sort_direction": "ASC", "limit": self._limit}
        raw, kept_ms = self._ask(user, asked | ({"cursor": cursor} if cursor else {}), lane)
        paging = raw.get("pagination")
        pagination = as_object(paging, "pagination") if paging is not None else cast("Raw", {})
        rows = as_list(raw.get("data"), "activity")
        return ActivityPage(
            rows=rows,
            # A full page that says nothing of what follows may be one of many.
            has_more=read_flag(pagination, "has_more", default=len(rows) >= self._limit),
            next_cursor=read_text(pagination, "next_cursor"),
            kept_ms=kept_ms,
        )

    def newest_s(self, user: str, lane: GateLane) -> int | None:
        """Return when the newest trade was."""
        raw, _ = self._ask(user, {"sort_direction": "DESC", "limit": 1}, lane)
        return _second_of(as_list(raw.get("data"), "activity"))

    def _ask(self, user: str, asked: dict[str, Any], lane: GateLane) -> tuple[Raw, int]:
        params = {"user": user, "type": self._kinds, **asked, "_": next(self._buster)}
        raw, kept_ms = self._upstream.get_aged("/v2/activity", params, lane=lane)
        return as_object(raw, "activity"), kept_ms


class ActivityV1:
    """`/activity`, documented as retired on 2026-10-24: bare arrays, offset pages that repeat rows (pitfall 4)."""

    names: Names = V1_NAMES
    exact_cursors = False

    def __init__(self, upstream: Upstream, clock: Clock, limit: int = V1_PAGE, *, kinds: str = TRADES) -> None:
        self._upstream, self._limit, self._kinds = upstream, min(limit, V1_PAGE), kinds
        self._buster = _buster(clock)

    def page(self, user: str, start_s: int, cursor: str, lane: GateLane) -> ActivityPage:
        """Return one page of trades, oldest first; the cursor is an offset."""
        offset = int(cursor or 0)
        asked = {"start": start_s, "sortDirection": "ASC", "limit": self._limit, "offset": offset}
        rows, kept_ms = self._ask(user, asked, lane)
        following = offset + len(rows)
        full = len(rows) >= self._limit
        cursor = str(following) if full and following <= V1_DEPTH else ""
        return ActivityPage(rows, has_more=full, next_cursor=cursor, kept_ms=kept_ms)

    def newest_s(self, user: str, lane: GateLane) -> int | None:
        """Return when the newest trade was."""
        return _second_of(self._ask(user, {"sortDirection": "DESC", "limit": 1}, lane)[0])

    def _ask(self, user: str, asked: dict[str, Any], lane: GateLane) -> tuple[list[Any], int]:
        params = {"user": user, "type": self._kinds, "sortBy": "TIMESTAMP", **asked, "_": next(self._buster)}
        raw, kept_ms = self._upstream.get_aged("/activity", params, lane=lane)
        return as_list(raw, "activity"), kept_ms


def activity_api(
    version: Literal["v2", "v1"], upstream: Upstream, clock: Clock, *, merges: bool = False
) -> ActivityApi:
    """Return the adapter of a version; with `merges` the same requests bring those as well."""
    kinds = TRADES_AND_MERGES if merges else TRADES
    return ActivityV2(upstream, clock, kinds=kinds) if version == "v2" else ActivityV1(upstream, clock, kinds=kinds)


def _buster(clock: Clock) -> "itertools.count[int]":
    return itertools.count(clock.now_ms() * 1_000_000)


def _second_of(rows: list[Any]) -> int | None:
    if not rows:
        return None
    try:
        return row_time_ms(as_object(rows[0], "row")) // 1000
    except Malformed:
        return None
