"""Builders of one fill's life, and the text that is shown of it."""

import io
from decimal import Decimal
from typing import Any

from rich.console import Console

from ops.domain.fill_timeline import find_stories, tell_story
from ops.explain import timeline_view
from shared.messages.decisions import (
    BuyEngineDecision,
    ExitTask,
    Inputs,
    Order,
    OrderState,
    OrderUpdate,
    Outcome,
    RuleResult,
)
from shared.messages.events import AnyEvent
from shared.messages.redemptions import Redeemed, RedemptionResult
from shared.messages.signals import FillConfirmed, SeenBy
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


def told_of(events: tuple[AnyEvent, ...], wanted: str) -> list[str]:
    [told] = tell_story(events, find_stories(events, wanted))
    return [" ".join(line.strip("│ ").split()) for line in shown(timeline_view.story(told)).splitlines()]


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
