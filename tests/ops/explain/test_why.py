"""`why` and `why-not`: one fill's life, and the totals of what was refused."""

import io
import itertools
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.console import Console

from buyer.strategy.rule_table import EXIT_RULES, RULES
from ops.domain.fill_timeline import find_stories, tell_story
from ops.domain.rule_descriptions import WORDS, words_of
from ops.domain.skip_stats import skip_stats
from ops.explain import skip_stats_view, timeline_view, why
from shared.capture.capture import Capture, Header, LinesWriter
from shared.domain.errors import BadConfig
from shared.messages.decisions import (
    BuyEngineDecision,
    ExitTask,
    Inputs,
    Order,
    OrderState,
    OrderUpdate,
    Outcome,
    RuleResult,
    Trade,
)
from shared.messages.events import AnyEvent, write_event
from shared.messages.redemptions import Redeemed, RedemptionResult
from shared.messages.signals import FillConfirmed, SeenBy
from shared.messages.value_codec import codec_of, plain_value
from shared.redis.client import connect_redis
from shared.redis.streams import StreamEntry
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_book, a_market, a_portfolio, a_signal

D = Decimal
SEEN = SeenBy(source="chain_logs", seen_at_ms=NOW_MS - 7000, lag_ms=3000)
SIGNAL = a_signal(seen_by=(SEEN,))


def a_decision(seq: int = 1, **changes: Any) -> BuyEngineDecision:
    """Build a buy of 10 shares at 0.52 with a fee of 0.12, two cents worse than the leader."""
    signal_id = changes.pop("signal_id", SIGNAL.id)
    side = changes.get("verdict", "BUY")
    order = Order(
        id="0d" + signal_id[2:],
        signal_id=signal_id,
        token_id=TOKEN,
        condition_id=CONDITION,
        leader=LEADER,
        side=side if side != "SKIP" else "BUY",
        shares=D(10),
        limit_price=D("0.52"),
        budget=D("5.4"),
    )
    facts: dict[str, Any] = {
        "id": "de" + signal_id[2:],
        "emitted_at_ms": NOW_MS,
        "signal_id": signal_id,
        "leader": LEADER,
        "token_id": TOKEN,
        "mode": "paper",
        "verdict": "BUY",
        "reason": "all rules passed",
        "rules": (RuleResult(rule="slippage", passed=True, value="0.52", limit="0.52"),),
        "order": order,
        "outcome": Outcome(state="MATCHED", shares=D(10), usdc=D("5.2"), fee=D("0.12")),
        "inputs": Inputs(now_ms=NOW_MS, market=a_market(), book=a_book(), portfolio=a_portfolio(seq=seq)),
    }
    return BuyEngineDecision(**(facts | changes))


def a_skip(reason: str = "slippage", *also: str, **changes: Any) -> BuyEngineDecision:
    rules = tuple(RuleResult(rule=name, passed=False, value="0.60", limit="0.52") for name in (reason, *also))
    skipped: dict[str, Any] = {"verdict": "SKIP", "reason": reason, "rules": rules, "order": None, "outcome": None}
    return a_decision(**(skipped | changes))


def a_confirmation() -> FillConfirmed:
    return FillConfirmed(
        id="c",
        emitted_at_ms=NOW_MS,
        signal_id=SIGNAL.id,
        leader=LEADER,
        tx_hash=SIGNAL.tx_hash,
        token_id=TOKEN,
        side="BUY",
        source="data_api",
        seen_at_ms=NOW_MS + 900,
        lag_ms=10_900,
        behind_first_ms=7900,
        first_source="chain_logs",
    )


def a_redemption(seq: int, payout: str = "10") -> RedemptionResult:
    lot = Redeemed(leader=LEADER, token_id=TOKEN, outcome_index=0, shares=D(10), cost=D("5.32"), payout=D(payout))
    return RedemptionResult(
        id=f"r{seq}",
        emitted_at_ms=NOW_MS + 60_000,
        wallet="paper",
        condition_id=CONDITION,
        mode="paper",
        payouts=("1", "0"),
        lots=(lot,),
        expected=D(payout),
        paid=D(payout),
        cost=D("5.32"),
        realized=D(payout) - D("5.32"),
        ledger_seq=seq,
    )


def shown(part: Any) -> str:
    out = io.StringIO()
    Console(file=out, width=160).print(part)
    return out.getvalue()


LIFE: tuple[AnyEvent, ...] = (SIGNAL, a_confirmation(), a_decision(), a_redemption(9))


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
    assert (told.cost.our_price, told.cost.by_price, told.cost.total) == (D("0.52"), D("0.2"), D("0.32"))


def test_selling_for_less_than_the_leader_costs_too() -> None:
    signal = a_signal(side="SELL")
    sold = a_decision(
        verdict="SELL",
        signal_id=signal.id,
        outcome=Outcome(state="MATCHED", shares=D(10), usdc=D("4.8"), fee=D("0.1")),
    )

    [told] = tell_story((signal, sold), find_stories((signal, sold), signal.id))

    assert told.cost is not None
    assert (told.cost.by_price, told.cost.total) == (D("0.2"), D("0.3"))


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


def an_exit(attempt: int, **changes: Any) -> BuyEngineDecision:
    """Build an exit's own order of 4 shares."""
    task = ExitTask(
        id="ef" * 32,
        leader=LEADER,
        token_id=TOKEN,
        reason="leader_sold",
        keep=D(0),
        opened_at_ms=NOW_MS,
        attempt=attempt,
    )
    outcome = Outcome(state="MATCHED", shares=D(4), usdc=D(2), fee=D(0))
    return a_decision(
        attempt, **({"verdict": "SELL", "signal_id": f"{attempt:064x}", "exit": task, "outcome": outcome} | changes)
    )


def test_a_sell_signal_leads_to_all_orders_of_its_exit() -> None:
    task = an_exit(1).exit
    sell = a_signal(side="SELL")
    decided = a_skip("book_sane", signal_id=sell.id, exit=task, trade=Trade(usdc=D(5), shares=D(9), price=D("0.5")))
    other = an_exit(7, exit=task and replace(task, id="aa" * 32))
    events = (sell, decided, an_exit(3), an_exit(2), other)

    [told] = tell_story(events, find_stories(events, sell.id))

    assert [event.exit.attempt for event in told.exits if event.exit] == [2, 3]
    assert "leader sold" in shown(timeline_view.story(told))


def test_orders_of_exits_are_no_signals() -> None:
    found = skip_stats(
        [an_exit(1), an_exit(2, verdict="SKIP", order=None, outcome=None, reason="book_sane")], 0, NOW_MS
    )

    assert (found.decided, found.skipped, found.exit_orders, found.undecided) == (0, 0, 2, 0)


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


def told_of(events: tuple[AnyEvent, ...], wanted: str) -> list[str]:
    [told] = tell_story(events, find_stories(events, wanted))
    return [" ".join(line.strip("│ ").split()) for line in shown(timeline_view.story(told)).splitlines()]


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


def an_end(
    decision: BuyEngineDecision, state: OrderState = "FAILED", shares: str = "0", usdc: str = "0"
) -> OrderUpdate:
    """Build the last word on a live order that was matched at first."""
    assert decision.order is not None
    return OrderUpdate(
        id="end" + decision.signal_id,
        emitted_at_ms=NOW_MS,
        order_id=decision.order.id,
        signal_id=decision.signal_id,
        mode="live",
        state=state,
        order=decision.order,
        outcome=Outcome(state=state, shares=D(shares), usdc=D(usdc), fee=D(0), reason="0 trades confirmed, 1 failed"),
    )


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
    assert told.cost.our_price == D("0.51")
    assert "Bought 4.00 at 0.51" in shown(timeline_view.story(told))


def test_a_sell_that_failed_on_chain_sold_nothing_of_the_lot() -> None:
    failed, sold = an_exit(6), an_exit(7)
    events = (SIGNAL, a_decision(), failed, an_end(failed), sold, an_end(sold, "CONFIRMED", "3", "1.5"))

    [told] = tell_story(events, find_stories(events, SIGNAL.id))

    assert [event.outcome.shares for event in told.exits if event.outcome] == [D(3)]


@given(st.permutations((SIGNAL, a_decision(), an_end(a_decision()), a_skip(signal_id="2" * 64))))
def test_an_order_that_failed_on_chain_is_not_followed(events: list[AnyEvent]) -> None:
    found = skip_stats(events, 0, NOW_MS)

    assert (found.decided, found.followed, found.unfilled, found.skipped) == (2, 0, 1, 1)
    assert found.outcomes == {"0 trades confirmed, 1 failed": 1}
    assert (found.leaders[LEADER].followed, found.leaders[LEADER].unfilled) == (0, 1)


def test_a_sell_is_no_later_order_of_its_own_exit() -> None:
    sell = a_signal(side="SELL")
    trade = Trade(usdc=D(5), shares=D(9), price=D("0.5"))
    own = an_exit(0, signal_id=sell.id, trade=trade)

    [told] = tell_story((sell, own, an_exit(1)), find_stories((sell, own, an_exit(1)), sell.id))

    assert [event.exit.attempt for event in told.exits if event.exit] == [1]


def test_every_rule_says_in_words_what_it_compares() -> None:
    rules = {name for side in RULES.values() for name in side} | set(EXIT_RULES)

    assert {name for name in rules if not words_of(name)} == set()
    assert set(WORDS) <= rules


def test_a_skip_says_what_was_compared() -> None:
    text = " ".join(told_of((SIGNAL, a_skip()), SIGNAL.id))

    assert "Skipped: slippage (best price to hit, and our limit): 0.60, limit 0.52." in text


def test_totals_count_first_alone_and_also() -> None:
    decisions = [a_skip(signal_id="1" * 64), a_skip("slippage", "cash", signal_id="2" * 64), a_decision()]

    found = skip_stats(decisions, 0, NOW_MS)

    slippage, cash = found.rules["slippage"], found.rules["cash"]
    assert (found.decided, found.followed, found.skipped) == (3, 1, 2)
    assert (slippage.first, slippage.alone, slippage.also) == (2, 1, 0)
    assert (cash.first, cash.alone, cash.also) == (0, 0, 1)
    line = next(line for line in shown(skip_stats_view.totals(found)).splitlines() if line.startswith("slippage"))
    assert "best price to hit, and our limit: 0.60, limit 0.52" in line
    assert line.split()[-1] == "2" * 12, "the id that `hybrid why` takes"


def test_an_order_that_got_nothing_is_neither_followed_nor_skipped() -> None:
    missed = Outcome(state="REJECTED", shares=D(0), usdc=D(0), fee=D(0), reason="no orders found to match")

    found = skip_stats([a_decision(outcome=missed)], 0, NOW_MS)

    assert (found.followed, found.unfilled, found.skipped) == (0, 1, 0)
    assert found.outcomes == {"no orders found to match": 1}


def test_totals_keep_to_their_period_and_leader() -> None:
    other = "0x" + "b2" * 20
    decisions = [a_skip(), a_skip(emitted_at_ms=NOW_MS - 5000), a_skip(leader=other)]

    found = skip_stats(decisions, NOW_MS - 1000, NOW_MS, LEADER)

    assert (found.decided, list(found.leaders)) == (1, [LEADER])


@given(st.permutations([SIGNAL, a_skip(), a_signal(tx_hash="0x" + "8e" * 32)]))
def test_a_signal_without_a_decision_is_said_to_be_undecided(events: list[AnyEvent]) -> None:
    assert skip_stats(events, 0, NOW_MS).undecided == 1


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    numbers = itertools.count()
    streams = {
        "ACTIONABLE_SIGNAL": "hs:signals",
        "FILL_CONFIRMED": "hs:sightings",
        "REDEMPTION_RESULT": "hs:redemptions",
    }
    path = tmp_path / "capture.jsonl"
    out = LinesWriter(path, Header(NOW_MS))
    out.write(
        [
            StreamEntry(streams.get(event.event, "hs:decisions"), f"{next(numbers)}-0", {"json": write_event(event)})
            for event in LIFE
        ]
    )
    out.close()
    return path


def printed(capture: Path, wanted: str) -> Iterator[dict[str, Any]]:
    out = io.StringIO()
    why.why(wanted, "", capture, as_json=True, console=Console(file=out, width=80))
    yield from json.loads(out.getvalue())


def test_json_of_a_capture_holds_every_event_and_the_cost(capture: Path) -> None:
    [life] = printed(capture, SIGNAL.tx_hash)

    assert life["cost"]["total"] == "0.32"
    assert (len(life["confirmations"]), len(life["payments"])) == (1, 1)
    assert life["decision"]["rules"][0]["rule"] == "slippage"


@pytest.mark.server
def test_the_running_system_is_told_by_the_same_words(valkey_url: str, capture: Path) -> None:
    out = io.StringIO()
    with connect_redis(valkey_url) as redis:
        for entry in Capture.open(capture):
            redis.xadd(entry.stream, {"event": entry.fields["event"], "json": entry.json})

    why.why(SIGNAL.tx_hash, valkey_url, None, as_json=True, console=Console(file=out, width=80))

    assert json.loads(out.getvalue()) == list(printed(capture, SIGNAL.tx_hash))


def test_what_nothing_names_is_a_plain_error_with_the_next_step(capture: Path) -> None:
    with pytest.raises(BadConfig, match="hybrid audit"):
        list(printed(capture, "f" * 64))


def test_totals_of_a_capture_reach_back_from_its_newest_event(capture: Path) -> None:
    out = io.StringIO()

    why.why_not("", capture, hours=1, leader="", as_json=True, console=Console(file=out, width=80))

    assert json.loads(out.getvalue())["decided"] == 1
