"""One fill's life: its events found by any name, told in order, with its cost against the leader."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ops.domain.fill_timeline import find_stories, tell_story
from ops.explain import timeline_view, why
from shared.messages.base import completed_id
from shared.messages.decisions import (
    OrderUpdate,
    Outcome,
    Trade,
)
from shared.messages.events import AnyEvent
from shared.messages.signals import SeenBy
from shared.messages.value_codec import codec_of, plain_value
from tests.amounts import D
from tests.buyer.builders import NOW_MS, a_signal
from tests.ops.explain.life_builders import (
    LIFE,
    SEEN,
    SIGNAL,
    a_confirmation,
    a_decision,
    a_redemption,
    a_skip,
    an_end,
    an_exit,
    shown,
    told_of,
)


@pytest.mark.parametrize(
    "wanted", [SIGNAL.id, SIGNAL.id[:8].upper(), SIGNAL.tx_hash, "de" + SIGNAL.id[2:], "0d" + SIGNAL.id[2:]]
)
def test_a_life_is_found_by_any_of_its_names(wanted: str) -> None:
    assert list(find_stories(LIFE, wanted).lots) == [SIGNAL.id]


def test_less_than_8_digits_name_nothing() -> None:
    assert find_stories(LIFE, SIGNAL.id[:7]).lots == {}


@given(st.permutations(LIFE))
def test_the_same_life_is_told_in_whatever_order_its_events_come(events: list[AnyEvent]) -> None:
    assert tell_story(events, find_stories(events, SIGNAL.id)) == tell_story(LIFE, find_stories(LIFE, SIGNAL.id))


def test_the_cost_against_the_leader_is_the_price_difference_and_the_fee() -> None:
    [told] = tell_story(LIFE, find_stories(LIFE, SIGNAL.id))

    assert told.cost is not None
    assert (told.cost.our_price, told.cost.by_price, told.cost.total) == (
        Decimal("0.52"),
        Decimal("0.2"),
        Decimal("0.32"),
    )


def test_selling_for_less_than_the_leader_costs_too() -> None:
    signal = a_signal(side="SELL")
    sold = a_decision(
        verdict="SELL",
        signal_id=signal.id,
        outcome=Outcome(state="MATCHED", shares=D(10), usdc=D("4.8"), fee=D("0.1")),
    )

    [told] = tell_story((signal, sold), find_stories((signal, sold), signal.id))

    assert told.cost is not None
    assert (told.cost.by_price, told.cost.total) == (Decimal("0.2"), Decimal("0.3"))


def test_a_merge_is_told_as_one_and_has_no_price_to_compare_with() -> None:
    signal = a_signal(side="SELL", cause="MERGE", price=D(0), seen_by=(SEEN,))
    sold = a_decision(verdict="SELL", signal_id=signal.id)

    [told] = tell_story((signal, sold), find_stories((signal, sold), signal.id))

    assert told.cost is None
    text = " ".join(shown(timeline_view.story(told)).split())
    assert "merged 100.00 back into collateral" in text
    assert "MERGE 100 of each outcome" in text


def test_only_what_the_ledger_did_after_the_buy_belongs_to_its_life() -> None:
    """An earlier lot of the same leader and token was redeemed or sold before: not this order's money."""
    sold = {"verdict": "SELL", "signal_id": "e" * 64}
    events = (
        SIGNAL,
        a_decision(5),
        a_redemption(3),
        a_decision(4, **sold),
        a_redemption(9, "7"),
        a_decision(8, **sold),
    )

    [told] = tell_story(events, find_stories(events, SIGNAL.id))

    assert [payment.lot.payout for payment in told.payments] == [D(7)]
    assert [event.inputs.portfolio.seq for event in told.exits if event.inputs.portfolio] == [8]


def test_a_sell_signal_leads_to_all_orders_of_its_exit() -> None:
    task = an_exit(1).exit
    sell = a_signal(side="SELL")
    decided = a_skip("book_sane", signal_id=sell.id, exit=task, trade=Trade(usdc=D(5), shares=D(9), price=D("0.5")))
    other = an_exit(7, exit=task and replace(task, id="aa" * 32))
    events = (sell, decided, an_exit(3), an_exit(2), other)

    [told] = tell_story(events, find_stories(events, sell.id))

    assert [event.exit.attempt for event in told.exits if event.exit] == [2, 3]
    assert "leader sold" in shown(timeline_view.story(told))


def test_a_skipped_signal_has_neither_cost_nor_an_afterlife() -> None:
    events = (SIGNAL, a_skip(), a_redemption(9))

    [told] = tell_story(events, find_stories(events, SIGNAL.id))

    assert (told.cost, told.payments) == (None, [])


def test_a_life_reads_from_the_leaders_trade_to_the_payout() -> None:
    text = " ".join(shown(timeline_view.story(tell_story(LIFE, find_stories(LIFE, SIGNAL.id))[0])).split())

    said = ("Will it?", "seen by chain_logs, 3.0 s", "signalled (first)", "confirmed by data_api", "7.9 s after")
    assert [
        words for words in (*said, "BUY up to 10 at 0.52", "brought 10 (+4.68 pUSD)", "+0.32 pUSD") if words not in text
    ] == []


def test_the_leaders_trade_stands_first_also_when_a_push_came_before_its_blocks_time() -> None:
    """A block's time has whole seconds, so a push feed can be ahead of it (pitfall 14)."""
    early = SeenBy(source="rtds", seen_at_ms=SIGNAL.traded_at_ms - 940, lag_ms=-940)
    now = SeenBy(source="rtds", seen_at_ms=SIGNAL.traded_at_ms - 1, lag_ms=-1)

    ahead = told_of((a_signal(seen_by=(early,)), a_decision()), SIGNAL.id)
    together = told_of((a_signal(seen_by=(now,)), a_decision()), SIGNAL.id)

    steps = ahead[ahead.index("time (UTC) after what happened") + 1 :]
    assert "leader 0x" in steps[0]
    assert "seen by rtds, 0.9 s before its block's time" in " ".join(ahead)
    assert "seen by rtds, 0.0 s after the trade" in " ".join(together)
    assert "-0.0" not in " ".join(together)


def test_an_order_is_told_once_and_what_became_of_it_later_too() -> None:
    decision = a_decision()
    assert decision.order is not None
    words = {"emitted_at_ms": NOW_MS, "order_id": decision.order.id, "signal_id": SIGNAL.id, "mode": "paper"}
    updates = tuple(
        codec_of(OrderUpdate).of_plain(
            {"event": "ORDER_UPDATE", "id": state, **words, "state": state, "order": plain_value(decision.order)}
        )
        for state in ("INTENT", "MATCHED", "FAILED")
    )

    text = " ".join(told_of((SIGNAL, decision, *updates), SIGNAL.id))

    assert [state for state in ("INTENT", "MATCHED", "FAILED") if f"is {state}" in text] == ["FAILED"]
    assert "matched: 10 for 5.2 pUSD" in text


@given(st.permutations((SIGNAL, a_decision(), an_end(a_decision()), a_redemption(9))))
def test_a_fill_that_failed_on_chain_was_never_bought(events: list[AnyEvent]) -> None:
    [told] = tell_story(events, find_stories(events, SIGNAL.id))

    assert (told.bought, told.cost, told.payments) == (False, None, [])
    assert "Ordered, nothing filled: 0 trades confirmed, 1 failed." in shown(timeline_view.story(told))
    assert why.facts(told)["outcome"]["state"] == "FAILED"


def test_what_confirmed_counts_not_what_matched() -> None:
    decision = a_decision()
    events = (SIGNAL, decision, an_end(decision, "CONFIRMED", "4", "2.04"))

    [told] = tell_story(events, find_stories(events, SIGNAL.id))

    assert told.cost is not None
    assert told.cost.our_price == Decimal("0.51")
    assert "Bought 4.00 at 0.51" in shown(timeline_view.story(told))


def test_a_sell_that_failed_on_chain_sold_nothing_of_the_lot() -> None:
    failed, sold = an_exit(6), an_exit(7)
    events = (SIGNAL, a_decision(), failed, an_end(failed), sold, an_end(sold, "CONFIRMED", "3", "1.5"))

    [told] = tell_story(events, find_stories(events, SIGNAL.id))

    assert [event.outcome.shares for event in told.exits if event.outcome] == [D(3)]


def test_a_sell_is_no_later_order_of_its_own_exit() -> None:
    sell = a_signal(side="SELL")
    trade = Trade(usdc=D(5), shares=D(9), price=D("0.5"))
    own = an_exit(0, signal_id=sell.id, trade=trade)

    [told] = tell_story((sell, own, an_exit(1)), find_stories((sell, own, an_exit(1)), sell.id))

    assert [event.exit.attempt for event in told.exits if event.exit] == [1]


def test_a_pending_one_tells_what_was_decided_before_its_block_and_once_it_was_confirmed() -> None:
    signal = replace(SIGNAL, pending=True)
    waited = a_skip("block_seen")
    bought = replace(a_decision(), id="0d" * 32, signal_id=completed_id(SIGNAL.id))
    twice = replace(
        a_confirmation(), signal=replace(signal, id=completed_id(SIGNAL.id), completes=SIGNAL.id, pending=None)
    )

    told = told_of((signal, waited, a_confirmation(), twice, bought), SIGNAL.id)

    words = " ".join(told)
    assert words.count("confirmed by data_api") == 1
    for said in ("signalled before its block, proven", "decided: SKIP, block_seen", "once confirmed, decided: BUY"):
        assert said in words
