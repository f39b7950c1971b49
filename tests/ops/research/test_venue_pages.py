"""Pages of a wallet's rows: read to their end, begun anew where a cursor leads nowhere, never cut off in silence."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from backtest.history.reading.row_counts import RowCounts
from ops.research.venue_pages import ReadingPace, other_rows, trades
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.polymarket.data_api import ActivityPage
from shared.polymarket.positions import RedeemablePositions
from shared.polymarket.wire.leader_fills import V2_NAMES
from tests.detector.builders import CONDITION, LEADER, NOW_S, a_row, tx

Ask = Callable[[int, str], ActivityPage]


class Feed:
    """A feed of one leader, as `ask` answers a start and a cursor."""

    names: Mapping[str, str] = V2_NAMES
    exact_cursors = True

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def page(self, user: str, start_s: int, cursor: str, lane: object) -> ActivityPage:
        del user, lane
        return self._ask(start_s, cursor)

    def newest_s(self, user: str, lane: object) -> int | None:
        raise NotImplementedError


def a_redemption(number: int) -> dict[str, Any]:
    return a_row(type="REDEEM", timestamp=NOW_S + number, transaction_hash=tx(number), usdc_size=100)


def paged(rows: list[dict[str, Any]], cursor_of: Callable[[int], str]) -> Ask:
    """Answer three rows at once; `cursor_of` names the place after them."""

    def ask(start_s: int, cursor: str) -> ActivityPage:
        left = [row for row in rows if row["timestamp"] >= start_s][int(cursor or 0) :]
        return ActivityPage(left[:3], has_more=len(left) > 3, next_cursor=cursor_of(int(cursor or 0) + 3))

    return ask


REDEMPTIONS = [a_redemption(number) for number in (1, 2, 2, 3, 4)]
NOWHERE: dict[str, Callable[[int], str]] = {"exact": str, "missing": lambda _: "", "repeated": lambda _: "3"}


def read(ask: Ask, counts: RowCounts) -> list[int]:
    rows = other_rows(Feed(ask), LEADER, NOW_S - 60, ReadingPace(ManualClock()), counts)
    return [row.traded_ms // 1000 - NOW_S for row in rows]


@pytest.mark.parametrize("cursor_of", NOWHERE.values(), ids=NOWHERE)
def test_redemptions_are_read_to_their_end_whatever_the_cursors_do(cursor_of: Callable[[int], str]) -> None:
    counts = RowCounts("venue")

    assert read(paged(REDEMPTIONS, cursor_of), counts) == [1, 2, 2, 3, 4]
    assert (counts.rows, counts.kinds["REDEEM"]) == (5, 5)


@pytest.mark.parametrize("feed", [other_rows, trades])
def test_rows_that_no_cursor_leads_to_are_an_error_and_no_end(feed: Any) -> None:
    def ask(start_s: int, cursor: str) -> ActivityPage:
        del start_s, cursor
        return ActivityPage([a_row(timestamp=NOW_S - 60)], has_more=True)

    with pytest.raises(Unavailable, match="no cursor leads to them"):
        list(feed(Feed(ask), LEADER, NOW_S - 60, ReadingPace(ManualClock()), RowCounts("")))


def test_rows_of_the_venue_that_cannot_be_read_are_counted() -> None:
    rows = [a_redemption(1), {**a_redemption(2), "condition_id": ""}, {**a_redemption(3), "type": "REWARD"}]
    counts = RowCounts("venue")

    assert read(lambda _start_s, _cursor: ActivityPage(rows), counts) == [1]
    assert (counts.rows, counts.unread, counts.kinds["REWARD"]) == (3, 1, 1)


class EndlessPositions:
    """A list of positions whose cursor always is the same."""

    def get(self, path: str, params: Any = None, /, *, lane: object) -> Any:
        del path, params, lane
        row = {"condition_id": CONDITION, "token_id": "7", "current_size": 5, "redeemable": True}
        return {"data": [row], "pagination": {"next_cursor": "again"}}


def test_what_a_wallet_holds_is_unknown_where_its_list_is_cut_short() -> None:
    positions = RedeemablePositions(EndlessPositions())

    with pytest.raises(Unavailable, match="more positions are promised"):
        positions.shares(LEADER)


def test_what_can_be_redeemed_of_a_list_cut_short_is_named_and_the_rest_is_told() -> None:
    positions = RedeemablePositions(EndlessPositions())

    assert positions.conditions(LEADER) == (CONDITION,)
    assert "more positions are promised" in positions.cut_short
