"""What each event tells a person: what happened, whose money, the numbers, what to do; or nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.alerts.domain.event_messages import ALARMS, event_message
from ops.alerts.domain.trade_messages import OUR_LIMITS
from shared.domain.ledger_accounts import FLATTEN, HALT, HALT_REDEMPTIONS, PAUSE_ALL, PAUSE_BUYS
from shared.domain.plain_text import make_plain
from shared.messages.base import Event
from shared.messages.decisions import ExitTask, OrderUpdate, Outcome
from shared.messages.events import KINDS
from shared.messages.redemptions import RedemptionAlarm
from shared.messages.service import DeadLetter, ServerWentBack, StrangerFill, WalletApart
from shared.messages.signals import FillRetracted
from tests.amounts import D
from tests.buyer.builders import LEADER, TOKEN
from tests.ops.alerts.alert_builders import NOW_MS, Judge, a_turn
from tests.ops.explain.life_builders import SIGNAL, a_decision, a_redemption, a_skip

BASE: dict[str, Any] = {"id": "e1", "emitted_at_ms": NOW_MS}
SAID_ALARMS: list[Event] = [
    RedemptionAlarm(
        **BASE, wallet="0xw", condition_id="0xc", mode="live", expected=D(10), paid=D(0), token="t",
        transaction="0xt", why="nothing came",
    ),
    WalletApart(**BASE, mode="live", state="apart", kind="missing", ledger=D(5), wallet=D(0)),
    ServerWentBack(**BASE, service="buyer", what="ledger", seen="9", found="4", steps=5),
    StrangerFill(
        **BASE, mode="live", wallet="0xw", order_hash="0xh", signal_id="s" * 20, token_id="1", side="BUY", shares=D(3),
    ),
    DeadLetter(**BASE, stream="hs:signals", entry_id="1-1", fields={}, reason="cannot be read"),
    FillRetracted(
        **BASE, signal_id="s" * 20, leader=LEADER, tx_hash="0x" + "1" * 64, token_id="1", side="BUY",
        source="chain_logs", seen_at_ms=1, reason="reorganised",
    ),
]  # fmt: skip


@pytest.mark.parametrize("event", SAID_ALARMS, ids=lambda event: event.event)
def test_every_alarm_is_told_with_its_numbers(event: Event) -> None:
    message = event_message(event, "live")

    assert message is not None
    assert (message.kind, message.level == "info") == ("alarm", False)
    assert message.lines
    assert message.mode in {"live", ""}


def test_no_alarm_of_the_pipeline_is_forgotten() -> None:
    """Whoever adds a kind of event decides here whether a person is told."""
    quiet = {
        "ActionableSignal",
        "SignalDropped",
        "FillConfirmed",
        "HybridSummary",
        "BookSeen",
        "RawSeen",
        "TradeBooked",
    }
    quiet |= {"ServiceStart", "ServiceStop", "ServiceHealth"}
    told = {"BuyEngineDecision", "OrderUpdate", "RedemptionResult", "ControlTurned", "HybridProgress"}

    assert {type(event) for event in SAID_ALARMS} == set(ALARMS)
    assert {kind.__name__ for kind in KINDS} == quiet | told | {kind.__name__ for kind in ALARMS}


@pytest.mark.parametrize(
    ("control", "kind", "words"),
    [
        (HALT, "killed", "no order is sent"),
        (HALT_REDEMPTIONS, "killed", "no redemption is sent"),
        (PAUSE_ALL, "paused", "no order is sent"),
        (PAUSE_BUYS, "paused", "nothing is bought"),
        (FLATTEN, "paused", "every lot is sold"),
    ],
)
def test_a_control_says_what_stops_who_did_it_why_and_how_to_lift_it(control: str, kind: str, words: str) -> None:
    (message,) = Judge().event(a_turn(control=control, mode="live"), mode="live")

    assert (message.kind, message.level) == (kind, "critical")
    assert words in message.title
    assert message.heading.startswith("!! [REAL MONEY]")
    assert "by ann on desk: odd fills" in message.body
    assert "hybrid resume" in message.body


def test_a_control_that_is_lifted_is_told_too() -> None:
    (message,) = Judge().event(a_turn(before="on", after="off"))

    assert (message.kind, message.level) == ("resumed", "warning")
    assert "kill switch" in message.title


def test_a_control_of_a_ledger_that_nobody_trades_is_no_hurry() -> None:
    """`hybrid kill` turns both ledgers."""
    judge = Judge()

    assert [message.level for mode in ("live", "paper") for message in judge.event(a_turn(id=mode, mode=mode))] == [
        "info",
        "critical",
    ]


def test_a_control_that_does_not_say_whose_ledger_takes_that_of_the_buyer_that_runs() -> None:
    assert [message.mode for message in Judge().event(a_turn(), mode="live")] == ["live"]


def test_a_fill_says_how_much_at_what_price_of_which_market_and_because_of_whom() -> None:
    (message,) = Judge().event(a_decision(), labels={LEADER: "whale"})

    assert message.kind == "filled"
    assert message.heading == "[paper] Bought: 10.00 shares at 0.5200 for 5.20 pUSD, fee 0.12"
    assert f"whale ({LEADER[:10]}" in message.body
    assert f"hybrid why {SIGNAL.id[:16]}" in message.body


def test_a_live_fill_says_that_it_is_not_confirmed_yet() -> None:
    (message,) = Judge().event(a_decision(mode="live"))

    assert message.title.endswith("not confirmed yet")


def test_an_exit_says_why_it_was_sold() -> None:
    task = ExitTask(id="x", leader=LEADER, token_id=TOKEN, reason="stop_loss", keep=D(0), opened_at_ms=NOW_MS)
    (message,) = Judge().event(a_decision(verdict="SELL", exit=task))

    assert (message.kind, "because: stop loss" in message.lines) == ("exit", True)


def test_an_order_that_got_nothing_was_missed() -> None:
    outcome = Outcome(state="CANCELLED", shares=D(0), usdc=D(0), fee=D(0), reason="nobody sold at 0.52")
    (message,) = Judge().event(a_decision(outcome=outcome))

    assert (message.kind, message.level) == ("missed", "info")
    assert "nobody sold at 0.52" in message.body


def test_an_order_whose_end_is_not_known_is_told_once_it_is() -> None:
    """Unknown is not no: nobody is told that it missed."""
    judge, unknown = Judge(), Outcome(state="UNKNOWN", shares=D(0), usdc=D(0), fee=D(0))
    decision = a_decision(mode="live", outcome=unknown)
    assert judge.event(decision) == []

    (message,) = judge.event(an_update(decision, "MATCHED", "10"))
    assert (message.kind, "late" in message.title) == ("filled", True)
    assert judge.event(an_update(decision, "CONFIRMED", "10")) == []


def test_a_trade_that_failed_after_it_had_matched_is_told() -> None:
    judge, decision = Judge(), a_decision(mode="live")
    judge.event(decision)

    (message,) = judge.event(an_update(decision, "FAILED", "0"))
    assert (message.kind, message.level) == ("missed", "warning")


@pytest.mark.parametrize("rule", sorted(OUR_LIMITS))
def test_what_our_own_limits_kept_from_being_bought_was_missed_and_says_the_fix(rule: str) -> None:
    (message,) = Judge().event(a_skip(rule))

    assert (message.kind, message.fix) == ("missed", OUR_LIMITS[rule])
    assert "0.60 of 0.52" in message.title


@pytest.mark.parametrize("rule", ["slippage", "leader_trade", "kill_switch", "signal_fresh"])
def test_a_trade_that_nobody_wanted_is_not_told(rule: str) -> None:
    assert Judge().event(a_skip(rule)) == []


def test_a_redemption_says_what_was_paid_and_what_it_brought() -> None:
    (message,) = Judge().event(a_redemption(1))

    assert message.kind == "redemption"
    assert message.title.startswith("Redeemed: 10.00 pUSD paid, +4.68")


def test_the_same_event_makes_the_same_id_and_another_one_another() -> None:
    first, again, other = (Judge().event(event)[0] for event in (a_turn(), a_turn(), a_turn(id="c2")))

    assert first.id == again.id != other.id
    assert first.id[:12] in first.body


@given(st.text(max_size=60))
def test_what_strangers_wrote_stays_plain_text(words: str) -> None:
    (message,) = Judge().event(a_turn(why=words, who=words))

    lines = message.text.split("\n")
    assert [make_plain(line) for line in lines] == lines
    assert len(lines) == 4


def an_update(decision: Any, state: Any, shares: str) -> OrderUpdate:
    outcome = Outcome(state=state, shares=D(shares), usdc=D(shares) // 2, fee=D(0))
    return OrderUpdate(
        id=f"u-{state}",
        emitted_at_ms=NOW_MS,
        order_id=decision.order.id,
        signal_id=decision.signal_id,
        mode="live",
        state=state,
        order=decision.order,
        outcome=outcome,
    )
