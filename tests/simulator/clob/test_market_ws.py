"""The market channel: a snapshot, then every change, in frames without wallets."""

import json
from typing import Any

import pytest

from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.simulator


def _frames(socket: Any, *kinds: str) -> dict[str, Any]:
    """Return the first frame of each kind."""
    found: dict[str, Any] = {}
    while set(kinds) - set(found):
        text = socket.recv(timeout=PATIENCE_S)
        frames: list[dict[str, Any]] = json.loads(text if text.startswith("[") else f"[{text}]")
        for each in frames:
            found.setdefault(each["event_type"], each)
    return found


def test_a_subscription_starts_with_a_snapshot(venue: Any) -> None:
    with venue.channel(*venue.market.tokens) as socket:
        books = json.loads(socket.recv(timeout=PATIENCE_S))
    assert [book["asset_id"] for book in books] == list(venue.market.tokens)
    assert all(book["event_type"] == "book" and book["bids"] for book in books)


def test_ping_is_answered_with_pong(venue: Any) -> None:
    with venue.channel() as socket:
        socket.recv(timeout=PATIENCE_S)
        socket.send("PING")
        assert socket.recv(timeout=PATIENCE_S) == "PONG"


def test_a_match_shows_as_levels_and_a_print_at_once(venue: Any) -> None:
    with venue.channel(venue.token) as socket:
        _frames(socket, "book")
        fill = venue.fill(shares="3")[-1]
        seen = _frames(socket, "price_change", "last_trade_price")

    assert seen["last_trade_price"]["transaction_hash"] == fill.tx_hash
    assert seen["last_trade_price"]["size"] == "3.00"
    assert {each["asset_id"] for each in seen["price_change"]["price_changes"]} == set(venue.market.tokens)
    assert venue.leader not in json.dumps(seen)


def test_tick_changes_and_resolutions_are_told(venue: Any) -> None:
    with venue.channel(venue.token) as socket:
        _frames(socket, "book")
        venue.sim.change_tick(venue.market.condition_id, "0.001")
        tick = _frames(socket, "tick_size_change")["tick_size_change"]
        venue.sim.resolve(venue.market.condition_id, (0, 1))
        ended = _frames(socket, "market_resolved")["market_resolved"]

    assert (tick["old_tick_size"], tick["new_tick_size"]) == ("0.01", "0.001")
    assert ended["winning_asset_id"] == venue.market.tokens[1]
    assert ended["winning_outcome"] == "No"


def test_unsubscribed_tokens_fall_silent(venue: Any) -> None:
    with venue.channel(venue.token) as socket:
        _frames(socket, "book")
        socket.send(json.dumps({"operation": "unsubscribe", "assets_ids": [venue.token]}))
        socket.send("PING")
        assert socket.recv(timeout=PATIENCE_S) == "PONG"
        venue.fill()
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.05)
