"""How a live order ends: only what confirmed counts, and nothing before everything is terminal."""

from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buyer.domain.order_result import (
    OrderEnding,
    OrderSeen,
    OwnTrade,
    TradeState,
    WaitingOrder,
    never_taken,
    on_chain,
    order_ending,
    provisional_outcome,
)
from buyer.domain.order_states import NEXT, is_provisional, may_follow
from buyer.venue.polymarket.wire.account_parsing import orders_of, read_order, read_trade
from shared.domain.errors import Malformed
from shared.messages.decisions import BuyEngineDecision, OrderState, Outcome
from tests.amounts import D
from tests.buyer.builders import TOKEN, a_market

HASH = "0x" + "0a" * 32


def matched(**changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "state": "MATCHED",
        "shares": D(10),
        "usdc": D(5),
        "fee": D(0),
        "order_hash": HASH,
        "trade_ids": ("t-1",),
    }
    return Outcome(**{**values, **changes})


def a_trade(number: int = 1, state: TradeState = "CONFIRMED", shares: int = 10_000_000) -> OwnTrade:
    return OwnTrade(f"t-{number}", state, shares, shares // 2, 100)


@pytest.mark.pitfall(20)
def test_a_match_counts_when_it_is_confirmed_and_not_before() -> None:
    assert order_ending(matched(), None, [a_trade(state="PENDING")]) is None
    end = order_ending(matched(), None, [a_trade()])

    assert end is not None
    assert (end.state, end.shares, end.usdc, end.fee) == ("CONFIRMED", D(10), D(5), D("0.0001"))


@pytest.mark.pitfall(20)
def test_a_ghost_fill_gives_everything_back() -> None:
    end = order_ending(matched(), None, [a_trade(state="FAILED")])

    assert end is not None
    assert (end.state, end.shares, end.usdc, end.fee) == ("FAILED", 0, 0, 0)


def test_a_part_that_failed_is_left_out_of_what_confirmed() -> None:
    before = matched(trade_ids=("t-1", "t-2"), shares=D(15))
    end = order_ending(before, None, [a_trade(), a_trade(2, "FAILED", 5_000_000)])

    assert end is not None
    assert (end.state, end.shares, end.reason) == ("CONFIRMED", D(10), "1 trades confirmed, 1 failed")


@pytest.mark.parametrize(
    ("before", "seen", "trades"),
    [
        (matched(trade_ids=("t-1", "t-2")), None, [a_trade()]),
        (matched(shares=D(11)), None, [a_trade()]),
        (matched(), OrderSeen("matched", 12_000_000), [a_trade()]),
        (matched(), OrderSeen("open", 10_000_000), [a_trade()]),
        (matched(trade_ids=()), None, []),
        (matched(trade_ids=(), shares=D(0)), None, [a_trade()]),
        (matched(trade_ids=(), state="DELAYED"), OrderSeen("open", 0), []),
        (matched(trade_ids=(), state="DELAYED"), OrderSeen("gone", 1), []),
    ],
)
def test_what_is_not_complete_is_not_settled(before: Outcome, seen: OrderSeen | None, trades: list[OwnTrade]) -> None:
    assert order_ending(before, seen, trades) is None


def test_an_order_that_is_gone_without_a_match_is_cancelled() -> None:
    end = order_ending(matched(state="DELAYED", shares=D(0), trade_ids=()), OrderSeen("gone", 0), [])

    assert end is not None
    assert (end.state, end.shares) == ("CANCELLED", 0)


@given(st.permutations([a_trade(1), a_trade(2, "FAILED"), a_trade(3)]))
def test_the_order_in_which_trades_are_listed_does_not_matter(trades: list[OwnTrade]) -> None:
    before = matched(trade_ids=("t-1", "t-2", "t-3"), shares=D(30))

    end = order_ending(before, None, [*trades, *trades])

    assert end is not None
    assert (end.shares, end.trade_ids) == (D(20), ("t-1", "t-2", "t-3"))


def test_an_order_found_by_its_hash_stays_provisional() -> None:
    found = provisional_outcome(matched(trade_ids=(), shares=D(0)), [a_trade()])

    assert (found.state, found.shares, found.trade_ids) == ("MATCHED", D(10), ("t-1",))
    assert is_provisional("live", found)
    assert not is_provisional("paper", found)


def test_nothing_follows_a_final_state_and_every_state_can_end() -> None:
    final: set[OrderState] = {state for state, after in NEXT.items() if not after}

    assert final == {"REJECTED", "CONFIRMED", "FAILED", "CANCELLED"}
    assert not any(may_follow(before, after) for before, after in product(final, NEXT))
    assert all(after & final for state, after in NEXT.items() if state not in final)


def raw_trade(**changes: Any) -> dict[str, Any]:
    makers = [
        {"order_id": "0xm1", "matched_amount": "6", "price": "0.5", "asset_id": TOKEN},
        {"order_id": "0xm2", "matched_amount": "4", "price": "0.48", "asset_id": "another outcome"},
    ]
    whole = {"id": "t-1", "status": "TRADE_STATUS_CONFIRMED", "taker_order_id": HASH, "size": "10", "price": "0.508"}
    return {**whole, "maker_orders": makers, **changes}


def test_a_takers_cost_is_the_sum_of_the_makers_it_met_also_through_the_other_outcome() -> None:
    trade = read_trade(raw_trade(), HASH, a_market())

    assert (trade.state, trade.shares, trade.usdc) == ("CONFIRMED", 10_000_000, 3_000_000 + 2_080_000)
    assert trade.fee == 124_960


def test_a_maker_pays_no_fee_and_owns_only_its_part() -> None:
    trade = read_trade(raw_trade(taker_order_id="0xother"), "0xm1", a_market())

    assert (trade.shares, trade.usdc, trade.fee) == (6_000_000, 3_000_000, 0)
    assert orders_of(raw_trade()) == {HASH, "0xm1", "0xm2"}


@pytest.mark.parametrize(
    ("status", "standing"),
    [
        ("LIVE", "open"),
        ("ORDER_STATUS_MATCHED", "matched"),
        ("CANCELED_NOT_ENOUGH_BALANCE", "gone"),
        ("UNMATCHED", "gone"),
        ("INVALID", "gone"),
        ("a word of next year", "open"),
    ],
)
def test_an_unknown_status_gives_nothing_back(status: str, standing: str) -> None:
    assert read_order({"status": status, "size_matched": "2.5"}) == OrderSeen(standing, 2_500_000)  # type: ignore[arg-type]  # one of the words


BLANK_MAKERS = [{"order_id": "0xm1", "matched_amount": "", "price": "", "asset_id": TOKEN}]


@pytest.mark.pitfall(33)
@pytest.mark.parametrize(
    "changes",
    [
        {"size": "", "price": "", "maker_orders": BLANK_MAKERS},
        {"size": "", "price": "0.5"},
        {"size": "10", "price": None},
        {"maker_orders": BLANK_MAKERS},
    ],
)
@pytest.mark.parametrize("order_hash", [HASH, "0xm1"])
def test_a_trade_with_blank_numbers_is_known_by_its_id_and_status(changes: dict[str, Any], order_hash: str) -> None:
    trade = read_trade(raw_trade(status="TRADE_STATUS_MATCHED", **changes), order_hash, a_market())

    assert (trade.id, trade.state) == ("t-1", "PENDING")
    assert trade.sized == (order_hash == "0xm1" and "maker_orders" not in changes)


@pytest.mark.pitfall(33)
def test_a_trade_that_the_order_has_no_part_in_is_not_read_as_nothing() -> None:
    with pytest.raises(Malformed, match="no part in it"):
        read_trade(raw_trade(), "0xsomebody", a_market())


@pytest.mark.pitfall(33)
@pytest.mark.parametrize("size", ["", None])
def test_an_order_that_is_gone_without_a_word_of_what_it_matched_is_not_concluded(size: str | None) -> None:
    seen = read_order({"status": "CANCELED", "size_matched": size})

    assert seen.standing == "open"
    assert order_ending(matched(state="DELAYED", shares=D(0), trade_ids=()), seen, []) is None


def test_a_confirmed_trade_without_numbers_waits_for_those_of_the_chain() -> None:
    blank = OwnTrade("t-1", "CONFIRMED", 0, 0, 0, "0xt", sized=False)
    outcome = order_ending(matched(shares=D(0)), OrderSeen("matched", 10_000_000, frozenset({"t-1"})), [blank])
    assert outcome is not None
    end = OrderEnding("o", WaitingOrder(cast("BuyEngineDecision", None), matched(shares=D(0))), outcome, [blank])

    assert end.needs_chain
    assert on_chain(end, {}) is None
    booked = on_chain(end, {"t-1": OwnTrade("t-1", "CONFIRMED", 10_000_000, 5_000_000, 3, "0xt")})
    assert booked is not None
    assert (booked.shares, booked.usdc) == (D(10), D(5))


def ended(told: OwnTrade, booked: OwnTrade, side: str = "BUY") -> Outcome:
    """Return the outcome of an order with one trade, as the venue tells it and as a node shows it booked."""
    before = matched(shares=D(0), trade_ids=())
    outcome = order_ending(before, OrderSeen("matched", told.shares, frozenset({told.id})), [told])
    assert outcome is not None
    decision = cast("BuyEngineDecision", SimpleNamespace(order=SimpleNamespace(side=side)))
    end = on_chain(OrderEnding("o", WaitingOrder(decision, before), outcome, [told]), {told.id: booked})
    assert end is not None
    return end


@pytest.mark.pitfall(48)
@pytest.mark.parametrize(
    ("side", "booked", "counts"),
    [
        ("BUY", (10_000_000, 5_000_000, 100), (10_000_000, 5_000_000, 100)),
        ("BUY", (10_000_003, 5_020_000, 90), (10_000_003, 5_020_000, 90)),
        ("BUY", (20_000_000, 5_000_000, 100), (10_000_000, 5_000_000, 100)),
        ("BUY", (10_000_000, 1_000_000, 100), (10_000_000, 5_000_000, 100)),
        ("BUY", (4_000_000, 5_000_000, 100), (4_000_000, 5_000_000, 100)),
        ("BUY", (10_000_000, 8_000_000, 100), (10_000_000, 8_000_000, 100)),
        ("SELL", (10_000_000, 9_000_000, 100), (10_000_000, 5_000_000, 100)),
        ("SELL", (10_000_000, 2_000_000, 100), (10_000_000, 2_000_000, 100)),
        ("SELL", (99_000_000, 5_000_000, 400_000), (10_000_000, 5_000_000, 400_000)),
    ],
)
def test_a_nodes_amounts_never_beat_the_venues_own(
    side: str, booked: tuple[int, int, int], counts: tuple[int, int, int]
) -> None:
    told = OwnTrade("t-1", "CONFIRMED", 10_000_000, 5_000_000, 100, "0xt")

    end = ended(told, OwnTrade("t-1", "CONFIRMED", *booked, "0xt"), side)

    assert (end.shares, end.usdc, end.fee) == counts
    near = abs(booked[0] - 10_000_000) < 10_000 and abs(booked[1] - 5_000_000) < 50_000
    assert ("venue and node differ" in end.reason) is not near


def test_an_order_the_venue_told_a_match_of_is_never_said_to_be_unknown_to_it() -> None:
    assert never_taken(matched(), 9) is None
    assert never_taken(matched(trade_ids=()), 9) is None
    end = never_taken(matched(trade_ids=(), shares=D(0), state="DELAYED"), 9)
    assert end is not None
    assert (end.state, "asked 9 times" in end.reason) == ("CANCELLED", True)
