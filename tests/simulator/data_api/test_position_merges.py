"""A wallet gives both outcomes back, or gets both for collateral: its row, and what it holds after it."""

from typing import Any

import pytest

pytestmark = pytest.mark.simulator


def both(venue: Any) -> str:
    """Let the leader hold ten of each outcome; return the market's condition."""
    for token in venue.market.tokens:
        venue.fill(token=token)
    venue.sim.advance(30)
    return str(venue.market.condition_id)


def test_a_merge_row_names_its_market_and_no_outcome(venue: Any) -> None:
    tx_hash = venue.sim.merge(venue.leader, both(venue), "4")
    venue.sim.advance(30)

    (row,) = venue.rows(type="MERGE")
    assert row["transaction_hash"] == tx_hash
    assert (row["size"], row["usdc_size"], row["price"]) == (4, 4, 0)
    assert (row["token_id"], row["side"], row["outcome_index"]) == ("", "", 999)
    assert row["condition_id"] == venue.market.condition_id
    assert len(venue.rows(type="TRADE,MERGE")) == len(venue.rows(type="TRADE")) + 1


def test_a_merge_takes_as_many_of_each_outcome(venue: Any) -> None:
    venue.sim.merge(venue.leader, both(venue), "4")
    venue.sim.advance(30)

    positions = venue.get("data", "/v2/positions", user=venue.leader).json()["data"]
    assert {position["current_size"] for position in positions} == {6}


def test_nobody_merges_what_he_does_not_hold(venue: Any) -> None:
    asked = {"wallet": venue.leader, "condition_id": both(venue), "shares": "11"}

    with pytest.raises(ValueError, match="does not hold 11 of both"):
        venue.sim.merge(*asked.values())
    assert venue.post("sim", "/merge", asked).status_code == 400
    assert venue.post("sim", "/merge", asked | {"shares": "10"}).status_code == 200


def test_a_split_row_names_its_market_and_no_outcome_and_brings_as_many_of_each(venue: Any) -> None:
    tx_hash = venue.sim.split(venue.leader, both(venue), "4")
    venue.sim.advance(30)

    (row,) = venue.rows(type="SPLIT")
    assert (row["transaction_hash"], row["size"], row["usdc_size"], row["price"]) == (tx_hash, 4, 4, 0)
    assert (row["token_id"], row["side"], row["outcome_index"]) == ("", "", 999)
    positions = venue.get("data", "/v2/positions", user=venue.leader).json()["data"]
    assert {position["current_size"] for position in positions} == {14}


def test_nobody_splits_nothing(venue: Any) -> None:
    asked = {"wallet": venue.leader, "condition_id": str(venue.market.condition_id), "shares": "0"}

    assert venue.post("sim", "/split", asked).status_code == 400
    assert venue.post("sim", "/split", asked | {"shares": "10"}).status_code == 200
