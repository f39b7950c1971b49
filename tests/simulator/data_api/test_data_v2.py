"""Data API v2: what it serves and what it refuses."""

from decimal import Decimal
from typing import Any

import pytest

pytestmark = pytest.mark.simulator

FIELDS = {
    "proxy_wallet", "timestamp", "condition_id", "type", "size", "usdc_size", "transaction_hash", "price", "token_id",
    "side", "outcome_index", "title", "slug", "icon", "event_slug", "outcome", "name", "pseudonym", "bio",
    "profile_image", "profile_image_optimized",
}  # fmt: skip


def test_a_row_has_the_documented_fields_and_the_fee_free_ratio_as_its_price(venue: Any) -> None:
    (*_, fill) = venue.fill(shares="84.115385", price="0.74")
    venue.sim.advance(10)

    (row,) = venue.rows()
    assert set(row) == FIELDS
    assert row["type"] == "TRADE"
    assert row["proxy_wallet"] == venue.leader
    assert row["size"] == 84.115385
    assert fill.fee == 809_190
    assert row["usdc_size"] == 62.245385 + 0.80919
    assert Decimal(str(row["price"])) == Decimal("0.7400000012")


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({"offset": 0}, "offset"),
        ({"limit": 1001}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "garbage"}, "cursor"),
        ({"user": "0xE111180000d2663C0091e4f400237545B87B996B"}, "user"),
        ({"user": "0x12"}, "user"),
        ({"type": "TELEPORT"}, "type"),
        ({"side": "HOLD"}, "side"),
        ({"sort_by": "CASH"}, "sort_by"),
    ],
)
def test_the_venue_refuses_with_a_coded_error(venue: Any, params: dict[str, Any], parameter: str) -> None:
    reply = venue.get("data", "/v2/activity", **{"user": venue.leader, **params})

    assert reply.status_code == 400
    body = reply.json()
    assert body["code"] == "invalid_request"
    assert body["parameter"] == parameter
    assert body["retryable"] is False
    assert reply.headers["x-trace-id"] == body["trace_id"]


def test_a_wallet_is_found_in_any_case(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(10)
    assert len(venue.rows(user="0x" + venue.leader[2:].upper())) == 1


def test_cursors_walk_everything_once_in_both_directions(venue: Any) -> None:
    for _ in range(7):
        venue.fill(fills=3)
    venue.sim.advance(10)

    for direction in ("ASC", "DESC"):
        walked = list(_walk(venue, sort_direction=direction, limit=4))
        assert len(walked) == 21
        assert sum(row["size"] for row in walked) == 210


def test_a_cursor_is_bound_to_its_filters(venue: Any) -> None:
    for _ in range(3):
        venue.fill()
    venue.sim.advance(10)
    first = venue.get("data", "/v2/activity", user=venue.leader, limit=1).json()
    cursor = first["pagination"]["next_cursor"]

    again = venue.get("data", "/v2/activity", user=venue.leader, limit=2, cursor=cursor, _="bust")
    other = venue.get("data", "/v2/activity", user=venue.other, limit=1, cursor=cursor)

    assert again.status_code == 200
    assert other.status_code == 400


@pytest.mark.parametrize("path", ["/v2/activity", "/v2/trades", "/v2/positions"])
def test_the_last_page_says_that_its_cursor_is_null_and_how_large_pages_are(venue: Any, path: str) -> None:
    venue.fill()
    venue.sim.advance(10)
    page = venue.get("data", path, user=venue.leader).json()["pagination"]
    assert page == {"limit": 100, "offset": 0, "has_more": False, "next_cursor": None}


@pytest.mark.parametrize(("path", "size"), [("/v2/activity", 3), ("/v2/trades", 2), ("/v2/positions", 2)])
def test_a_cursor_carries_its_page_size_and_only_activity_heeds_another_limit(venue: Any, path: str, size: int) -> None:
    for market in venue.sim.markets[:6]:
        venue.fill(token=market.tokens[0])
    venue.sim.advance(10)
    asked = {"user": venue.leader}

    first = venue.get("data", path, **asked, limit=2).json()
    cursor = first["pagination"]["next_cursor"]
    plain = venue.get("data", path, **asked, cursor=cursor).json()
    other = venue.get("data", path, **asked, cursor=cursor, limit=3).json()

    assert (len(plain["data"]), plain["pagination"]["limit"]) == (2, 2)
    assert (len(other["data"]), other["pagination"]["limit"]) == (size, size)
    assert first["data"] != plain["data"]
    assert venue.get("data", path, user=venue.other, cursor=cursor).status_code == 400


def test_a_cursor_carries_its_direction(venue: Any) -> None:
    for _ in range(3):
        venue.fill()
    venue.sim.advance(10)
    asked = {"user": venue.leader, "limit": 1}

    first = venue.get("data", "/v2/activity", **asked, sort_direction="ASC").json()
    cursor = first["pagination"]["next_cursor"]
    second = venue.get("data", "/v2/activity", **asked, sort_direction="DESC", cursor=cursor).json()

    oldest = venue.get("data", "/v2/activity", user=venue.leader, sort_direction="ASC").json()["data"]
    assert [*first["data"], *second["data"]] == oldest[:2]


@pytest.mark.parametrize(("side", "sign"), [("BUY", 1), ("SELL", -1)])
def test_the_takers_fee_is_in_the_collateral_of_his_row_and_never_in_its_price(
    venue: Any, side: str, sign: int
) -> None:
    maker, taker = venue.fill(side=side, shares="22.84", price="0.52", counterparty=venue.other)
    venue.sim.advance(10)

    (shown,), (made,) = venue.rows(), venue.rows(user=venue.other)
    assert taker.fee > 0
    assert maker.fee == 0
    assert round(shown["usdc_size"] * 1_000_000) == taker.order.usdc + sign * taker.fee
    assert round(made["usdc_size"] * 1_000_000) == maker.order.usdc
    assert (shown["price"], made["price"]) == (0.52, 0.52)


def test_open_positions_hold_winners_that_wait_to_be_redeemed(venue: Any) -> None:
    venue.fill(shares="20")
    venue.fill(shares="8", token=venue.market.tokens[1])
    venue.sim.resolve(venue.market.condition_id, (1, 0))
    venue.sim.advance(200)

    assert [(p["current_size"], p["status"]) for p in _positions(venue, "OPEN")] == [(20, "REDEEMABLE")]


def test_a_resolution_says_when_by_whom_and_whether_the_chain_has_it(venue: Any) -> None:
    venue.sim.resolve(venue.market.condition_id, (1, 0))
    venue.sim.advance(200)

    (row,) = venue.get("data", "/v2/resolutions", condition=venue.market.condition_id).json()["data"]
    assert row["resolved_at"].endswith("Z")
    assert row["resolution_source"] == "reported"
    assert {"extended_review", "was_disputed", "new_version_q", "transaction_hash", "log_index"} <= row.keys()
    assert isinstance(row["last_update_timestamp"], int)


def test_trades_hide_maker_fills_unless_asked(venue: Any) -> None:
    venue.fill(role="maker")
    venue.sim.advance(10)

    hidden = venue.get("data", "/v2/trades", user=venue.leader).json()["data"]
    shown = venue.get("data", "/v2/trades", user=venue.leader, takerOnly="false").json()["data"]
    assert hidden == []
    assert len(shown) == 1
    assert "usdc_size" not in shown[0]
    assert "type" not in shown[0]


def test_a_list_of_wallets_finds_no_trades_without_an_error(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(10)
    both = f"{venue.leader},{venue.other}"
    assert venue.get("data", "/v2/trades", user=both).json()["data"] == []


def test_trades_of_a_market_name_every_wallet(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(10)
    params = {"condition": venue.market.condition_id, "taker_only": "false"}
    rows = venue.get("data", "/v2/trades", **params).json()["data"]
    assert len({row["proxy_wallet"] for row in rows}) == 2


def test_start_and_end_are_inclusive_seconds(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(10)
    at = venue.rows()[0]["timestamp"]
    assert len(venue.rows(start=at, end=at)) == 1
    assert venue.rows(start=at + 1) == []
    assert venue.rows(end=at - 1) == []


def test_the_cdn_hides_new_rows_until_a_cache_buster_is_sent(venue: Any) -> None:
    def ask(**extra: Any) -> Any:
        return venue.get("data", "/v2/trades", user=venue.leader, **extra)

    assert ask().headers["x-cache"].startswith("Miss")
    venue.fill()
    venue.sim.advance(10)

    stale, fresh = ask(), ask(_=1)
    assert stale.headers["x-cache"].startswith("Hit")
    assert stale.headers["cache-control"] == "public, max-age=300"
    assert stale.json()["data"] == []
    assert len(fresh.json()["data"]) == 1


def test_positions_follow_a_market_from_open_to_redeemable_to_closed(venue: Any) -> None:
    venue.fill(shares="20", price="0.5")
    venue.fill(shares="8", price="0.4", token=venue.market.tokens[1])
    venue.sim.advance(10)
    assert {p["current_size"] for p in _positions(venue, "OPEN")} == {20, 8}
    assert len(_positions(venue, "MERGEABLE")) == 2

    venue.sim.resolve(venue.market.condition_id, (1, 0))
    venue.sim.advance(4)
    assert len(_positions(venue, "OPEN")) == 2
    assert venue.sim.world.chain.head(venue.sim.world.now_ms()) >= venue.market.resolution.block

    venue.sim.advance(100)
    (won,), (lost,) = _positions(venue, "REDEEMABLE"), _positions(venue, "REDEEMABLE_LOST")
    assert (won["current_size"], won["current_price"], won["status"]) == (20, 1, "REDEEMABLE")
    assert (lost["current_size"], lost["current_value"], lost["status"]) == (8, 0, "REDEEMABLE")

    assert venue.sim.redeem(venue.leader, venue.market.condition_id) == 20_000_000
    venue.sim.advance(10)
    assert _positions(venue, "REDEEMABLE") == []
    redeemed = venue.rows(type="REDEEM")
    assert sorted(row["usdc_size"] for row in redeemed) == [0, 20]
    assert venue.sim.redeem(venue.leader, venue.market.condition_id) == 0


def test_a_void_market_pays_half(venue: Any) -> None:
    venue.fill(shares="10")
    venue.sim.resolve(venue.market.condition_id, (1, 1))
    venue.sim.advance(200)

    reply = venue.get("data", "/v2/resolutions", condition=venue.market.condition_id).json()
    assert reply["data"][0]["status"] == "resolved"
    assert reply["data"][0]["payouts"] == [500_000, 500_000]
    assert venue.sim.redeem(venue.leader, venue.market.condition_id) == 5_000_000


def test_status_tells_the_feeds_lag(venue: Any) -> None:
    serving = venue.get("data", "/v2/status").json()["data"]["serving"]
    assert {each["name"] for each in serving["mechanisms"]} == {"activity_feed", "custody_balances", "pnl"}
    assert serving["lag_seconds"] < 10


def test_tokens_tell_what_they_stand_for(venue: Any) -> None:
    (token,) = venue.get("data", "/v2/tokens", token_id=venue.market.tokens[1]).json()["data"]
    assert token["condition_id"] == venue.market.condition_id
    assert token["outcome_index"] == 1
    assert token["closed"] is False


def _positions(venue: Any, status: str) -> list[dict[str, Any]]:
    params = {"user": venue.leader, "status": status, "_": next(venue.bust)}
    return venue.get("data", "/v2/positions", **params).json()["data"]


def _walk(venue: Any, **params: Any) -> Any:
    cursor: dict[str, str] = {}
    while True:
        page = venue.get("data", "/v2/activity", user=venue.leader, **params, **cursor).json()
        yield from page["data"]
        if not page["pagination"]["has_more"]:
            return
        cursor = {"cursor": page["pagination"]["next_cursor"]}


def test_fresh_trades_can_be_without_labels_and_keep_their_token(venue: Any) -> None:
    venue.fill()
    venue.sim.advance(120)
    venue.fill(shares="3")
    venue.sim.advance(10)
    venue.sim.fault("unlabelled_rows", "data")

    fresh, old = venue.rows()

    assert (fresh["outcome_index"], fresh["outcome"], fresh["title"]) == (999, "", "")
    assert fresh["token_id"] == old["token_id"]
    assert (old["outcome_index"], old["outcome"]) == (0, "Yes")
