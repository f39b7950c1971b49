"""Data API v1: offset pages of camel-case rows."""

from typing import Any

import pytest

pytestmark = pytest.mark.simulator


def test_a_row_is_written_in_v1s_words(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(10)
    (row,) = venue.get("data", "/activity", user=venue.leader).json()
    assert {"proxyWallet", "usdcSize", "asset", "outcomeIndex", "transactionHash", "conditionId"} <= set(row)
    assert row["asset"] == venue.token


def test_a_limit_above_500_is_cut_without_a_word(venue: Any) -> None:
    for _ in range(60):
        venue.fill(fills=10)
    venue.sim.advance(10)
    reply = venue.get("data", "/activity", user=venue.leader, limit=1000)
    assert len(reply.json()) == 500
    assert "x-cache" not in reply.headers


def test_pages_by_offset_join_without_gaps(venue: Any) -> None:
    for _ in range(10):
        venue.fill()
    venue.sim.advance(10)
    pages = [venue.get("data", "/activity", user=venue.leader, limit=4, offset=offset).json() for offset in (0, 4, 8)]
    hashes = [row["transactionHash"] for page in pages for row in page]
    assert len(hashes) == len(set(hashes)) == 10


def test_depth_and_missing_user_are_refused(venue: Any) -> None:
    deep = venue.get("data", "/activity", user=venue.leader, offset=5001)
    assert deep.status_code == 400
    assert deep.json() == {"error": "max historical activity offset of 5000 exceeded"}
    assert venue.get("data", "/activity").status_code == 400


def test_redeem_rows_have_no_side_asset_or_outcome(venue: Any) -> None:
    venue.fill()
    venue.sim.resolve(venue.market.condition_id, (1, 0))
    venue.sim.advance(100)
    venue.sim.redeem(venue.leader, venue.market.condition_id)
    venue.sim.advance(10)

    (row,) = venue.get("data", "/activity", user=venue.leader, type="REDEEM").json()
    assert (row["side"], row["asset"], row["outcomeIndex"], row["usdcSize"]) == ("", "", 999, 10)


def test_positions_and_value_use_v1s_names(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(10)
    (position,) = venue.get("data", "/positions", user=venue.leader).json()
    assert {"curPrice", "avgPrice", "size", "asset", "negativeRisk", "redeemable"} <= set(position)
    (value,) = venue.get("data", "/value", user=venue.leader).json()
    assert value["user"] == venue.leader
    assert value["value"] == position["currentValue"]
