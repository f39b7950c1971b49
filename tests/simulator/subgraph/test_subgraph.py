"""The subgraph: exact schema, healthy and empty for V2."""

from typing import Any

import pytest

pytestmark = pytest.mark.simulator

FILLS = """query($w: String!, $ts: BigInt!, $last: ID!) {
  orderFilledEvents(first: 1000, orderBy: id, orderDirection: asc,
    where: {maker: $w, timestamp_gte: $ts, id_gt: $last}) {
    id transactionHash timestamp orderHash maker taker makerAssetId takerAssetId
    makerAmountFilled takerAmountFilled fee }
  _meta { block { number timestamp hash } hasIndexingErrors } }"""


def test_v2_fills_leave_it_healthy_and_empty(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(10)
    data = venue.query(FILLS, w=venue.leader, ts="0", last="")["data"]
    assert data["orderFilledEvents"] == []
    assert data["_meta"]["hasIndexingErrors"] is False
    assert data["_meta"]["block"]["timestamp"] > 0


def test_v1_fills_are_indexed_with_big_numbers_as_strings(v1_venue: Any) -> None:
    venue = v1_venue
    fill = venue.fill("SELL", shares="10", price="0.5")[-1]
    venue.sim.advance(10)

    (event,) = venue.query(FILLS, w=venue.leader, ts="1", last="")["data"]["orderFilledEvents"]
    assert event["id"] == f"{fill.tx_hash}_{fill.order_hash}"
    assert (event["makerAssetId"], event["takerAssetId"]) == (venue.token, "0")
    assert (event["makerAmountFilled"], event["takerAmountFilled"]) == ("10000000", "5000000")
    assert event["timestamp"] == str(venue.sim.world.chain.timestamp(fill.block))


def test_an_upper_case_address_finds_nothing(v1_venue: Any) -> None:
    venue = v1_venue
    venue.fill()
    venue.sim.advance(10)
    shouted = "0x" + venue.leader[2:].upper()
    assert venue.query(FILLS, w=shouted, ts="0", last="")["data"]["orderFilledEvents"] == []


def test_filters_order_and_paging_work_together(v1_venue: Any) -> None:
    venue = v1_venue
    for _ in range(5):
        venue.fill(fills=2)
        venue.sim.advance(3)
    venue.sim.advance(10)
    text = """query($w: [String!]) { orderFilledEvents(first: 3, skip: 2, orderBy: timestamp,
      orderDirection: desc, where: {maker_in: $w, takerAmountFilled_gt: 1}) { timestamp maker } }"""
    events = venue.query(text, w=[venue.leader, venue.other])["data"]["orderFilledEvents"]
    times = [int(event["timestamp"]) for event in events]
    assert len(times) == 3
    assert times == sorted(times, reverse=True)


def test_pages_above_the_limits_are_refused(venue: Any) -> None:
    wide = venue.query("{ orderFilledEvents(first: 1001) { id } }")
    assert "between 0 and 1000" in wide["errors"][0]["message"]
    deep = venue.query("{ orderFilledEvents(skip: 5001) { id } }")
    assert "between 0 and 5000" in deep["errors"][0]["message"]


def test_unknown_fields_are_refused(venue: Any) -> None:
    reply = venue.query("{ orderFilledEvents { logIndex } }")
    assert "Cannot query field 'logIndex'" in reply["errors"][0]["message"]


def test_tokens_lead_to_their_condition(venue: Any) -> None:
    reply = venue.query(f'{{ marketData(id: "{venue.token}") {{ condition outcomeIndex }} }}')
    assert reply["data"]["marketData"] == {"condition": venue.market.condition_id, "outcomeIndex": "0"}


def test_it_can_admit_indexing_errors(venue: Any) -> None:
    venue.sim.fault("indexing_errors", "subgraph")
    assert venue.query("{ _meta { hasIndexingErrors } }")["data"]["_meta"]["hasIndexingErrors"] is True
