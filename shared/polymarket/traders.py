"""Who trades at the venue: its leaderboards, and the newest trades of everybody. Data API v2."""

from typing import Literal

from shared.clock import Clock
from shared.http.client import Upstream
from shared.polymarket.wire.parsing import Raw, as_list, as_object, read_text
from shared.polymarket.wire.trader_rows import ActiveTrader, RankedTrader, read_active, read_ranked
from shared.rate_limit.limits import GateLane

Period = Literal["day", "week", "month", "all"]
Sort = Literal["PNL", "VOLUME"]
PAGE = 100
MOST_TRADES = 1000
"""Rows that one answer of `/v2/trades` holds at most (venue reference 1.1)."""


class TraderBoards:
    """Asks for boards and trades, behind everybody who is in more of a hurry; `problems` are rows left out."""

    def __init__(self, data: Upstream, clock: Clock) -> None:
        self._data, self._clock = data, clock
        self.problems: list[str] = []

    def leaders(self, period: Period, sort: Sort, category: str, most: int) -> list[RankedTrader]:
        """Return the first `most` of a board; a cursor pins the board that it goes on with.

        Raises:
            TryAgain: throttled or away.
            GiveUp: refused, or an answer of another form.
        """
        asked: dict[str, object] = {"time_period": period, "sort_by": sort, "category": category}
        found: list[RankedTrader] = []
        used = {""}
        params = {**asked, "limit": min(most, PAGE)}
        while True:
            body = self._ask("/v2/leaderboard", params)
            found += read_ranked(as_list(body.get("data"), "leaderboard"), self.problems)
            cursor = read_text(as_object(body.get("pagination") or {}, "pagination"), "next_cursor")
            if len(found) >= most or cursor in used:
                if cursor and len(found) < most:
                    self.problems.append(f"leaderboard: the cursor came again after {len(found)} traders")
                return found[:most]
            used.add(cursor)
            params = {**asked, "cursor": cursor}

    def active(self, most: int) -> list[ActiveTrader]:
        """Return who traded most among the newest trades, makers too: the largest volume first.

        Raises:
            TryAgain, GiveUp: as `leaders` does.
        """
        asked: dict[str, object] = {"taker_only": "false", "limit": MOST_TRADES, "_": self._clock.now_ms()}
        body = self._ask("/v2/trades", asked)
        return read_active(as_list(body.get("data"), "trades"), self.problems)[:most]

    def _ask(self, path: str, params: dict[str, object]) -> Raw:
        return as_object(self._data.get(path, params, lane=GateLane.CATCHUP), path)
