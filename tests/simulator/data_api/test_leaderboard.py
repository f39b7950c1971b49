"""The leaderboard: who is ranked how, over which window, and what the venue refuses."""

from typing import Any

import pytest

pytestmark = pytest.mark.simulator


def board(venue: Any, **params: Any) -> dict[str, Any]:
    return venue.get("data", "/v2/leaderboard", **params).json()


def test_wallets_are_ranked_by_profit_and_by_shares_traded(venue: Any) -> None:
    venue.fill(shares="10", price="0.4")
    venue.fill(leader=venue.other, shares="300", price="0.6")
    venue.sim.advance(10)
    venue.sim.resolve(venue.market.condition_id, (1, 0))
    venue.sim.advance(200)

    rows = {row["user_id"]: row for row in board(venue, time_period="week")["data"]}
    volumes = board(venue, time_period="week", sort_by="VOLUME")["data"]

    assert rows[venue.leader]["pnl"] == pytest.approx(6, abs=0.5)
    assert rows[venue.other]["pnl"] == pytest.approx(120, abs=10)
    assert rows[venue.other]["rank"] < rows[venue.leader]["rank"]
    assert {volumes[0]["volume"], volumes[1]["volume"]} == {300.0}
    assert volumes[0]["rank"] == volumes[1]["rank"] == 1  # its counterparty traded as much: the next rank jumps
    assert volumes[2]["rank"] == 3


def test_a_window_leaves_out_what_was_before_it(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(2 * 86_400)

    assert board(venue, time_period="day")["data"] == []
    assert board(venue, time_period="week")["data"]


def test_one_wallet_has_a_standing_with_both_ranks_or_none_at_all(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(10)

    standing = board(venue, user=venue.leader)["data"]

    assert {"rank_pnl", "rank_volume"} <= set(standing)
    assert standing["rank_volume"] == 1
    assert board(venue, user=venue.other)["data"] is None


def test_a_cursor_pins_the_board_it_was_made_for(venue: Any) -> None:
    for leader in (venue.leader, venue.other):
        venue.fill(leader=leader)
    venue.sim.advance(10)
    first = board(venue, time_period="week", limit=1)
    cursor = first["pagination"]["next_cursor"]

    second = board(venue, cursor=cursor)
    other = venue.get("data", "/v2/leaderboard", cursor=cursor, time_period="month")

    assert first["data"][0]["user_id"] != second["data"][0]["user_id"]
    assert len(second["data"]) == 1
    assert other.status_code == 400
    assert other.json()["parameter"] == "time_period"


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"time_period": "year"}, "time_period must be one of day, week, month, all"),
        ({"sort_by": "LUCK"}, "sort_by must be PNL or VOLUME"),
        ({"limit": 1001}, "limit"),
    ],
)
def test_the_venue_refuses_with_a_coded_error(venue: Any, params: dict[str, Any], said: str) -> None:
    reply = venue.get("data", "/v2/leaderboard", **params)

    assert reply.status_code == 400
    assert said in reply.json()["error"]


def test_any_word_is_taken_as_a_category_and_finds_nothing(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(10)

    assert board(venue, category="weather-on-mars")["data"] == []
