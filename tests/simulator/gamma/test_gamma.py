"""Gamma: JSON in JSON, closed markets hidden, keyset pages."""

import json
from typing import Any

import pytest

pytestmark = pytest.mark.simulator


def test_lists_are_json_encoded_strings(venue: Any) -> None:
    market = venue.get("gamma", f"/markets/slug/{venue.market.slug}").json()
    assert json.loads(market["clobTokenIds"]) == list(venue.market.tokens)
    assert json.loads(market["outcomes"]) == ["Yes", "No"]
    assert sum(map(float, json.loads(market["outcomePrices"]))) == pytest.approx(1)
    assert market["conditionId"] == venue.market.condition_id
    assert venue.get("gamma", f"/markets/{market['id']}").json()["slug"] == market["slug"]


def test_a_resolved_market_vanishes_unless_closed_is_asked_for(venue: Any) -> None:
    venue.sim.resolve(venue.market.condition_id, (0, 1))
    venue.sim.advance(60)

    by_condition = {"condition_ids": venue.market.condition_id}
    assert venue.get("gamma", "/markets", **by_condition).json() == []
    (closed,) = venue.get("gamma", "/markets", closed="true", **by_condition).json()
    assert json.loads(closed["outcomePrices"]) == ["0", "1"]
    assert closed["closedTime"].endswith("+00")
    assert closed["umaResolutionStatus"] == "resolved"


def test_only_after_cursor_moves_on(venue: Any) -> None:
    first = venue.get("gamma", "/markets/keyset", limit=2).json()
    ignored = venue.get("gamma", "/markets/keyset", limit=2, cursor=first["next_cursor"]).json()
    second = venue.get("gamma", "/markets/keyset", limit=2, after_cursor=first["next_cursor"]).json()

    assert ignored["markets"][0]["id"] == first["markets"][0]["id"]
    assert second["markets"][0]["id"] != first["markets"][0]["id"]


def test_the_last_keyset_page_has_no_cursor_and_offset_is_refused(venue: Any) -> None:
    assert "next_cursor" not in venue.get("gamma", "/markets/keyset", limit=1000).json()
    assert venue.get("gamma", "/markets/keyset", offset=1).status_code == 422


def test_the_old_list_says_it_is_deprecated(venue: Any) -> None:
    reply = venue.get("gamma", "/markets")
    assert reply.headers["deprecation"] == "true"
    assert venue.get("gamma", "/markets", offset=2001).status_code == 422


def test_a_neg_risk_event_holds_several_markets(venue: Any) -> None:
    events = venue.get("gamma", "/events/keyset").json()["events"]
    group = next(event for event in events if event["negRisk"])
    assert len(group["markets"]) == 3
    assert all(market["negRisk"] for market in group["markets"])


def test_an_unknown_slug_is_not_found(venue: Any) -> None:
    assert venue.get("gamma", "/markets/slug/nothing-of-the-kind").status_code == 404


def test_a_market_of_protocol_v2_says_so_and_names_positions(venue: Any) -> None:
    made = venue.post("sim", "/positions-market", {}).json()

    (listed,) = venue.get("gamma", "/markets", version="v2").json()
    (found,) = venue.get("gamma", "/markets", position_ids=made["tokens"][0]).json()

    assert listed["conditionId"] == found["conditionId"] == made["condition_id"]
    assert listed["version"] == "v2"
    assert listed["positionIds"] == made["tokens"]
    assert "clobTokenIds" not in listed
