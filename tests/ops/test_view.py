"""What a person sees: gathered from events, drawn as text."""

import io
from decimal import Decimal

import pytest
from rich.console import Console

from ops.judge import judge
from ops.picture import Picture
from ops.screen import full_screen, page
from ops.view import MOST_TITLES, View
from shared.accounts import Lot
from shared.events import (
    BuyEngineDecision,
    GateStatus,
    HybridProgress,
    Inputs,
    RedemptionResult,
    RuleResult,
    ServiceStart,
    SourceStatus,
)
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_market, a_signal

D = Decimal


def a_skip() -> BuyEngineDecision:
    return BuyEngineDecision(
        id="d",
        emitted_at_ms=NOW_MS,
        signal_id="s",
        leader=LEADER,
        token_id=TOKEN,
        mode="paper",
        verdict="SKIP",
        reason="slippage",
        rules=(RuleResult(rule="slippage", passed=False, value="0.6", limit="0.52"),),
        inputs=Inputs(now_ms=NOW_MS, market=a_market()),
    )


def a_full_view() -> View:
    view = View()
    source = SourceStatus(
        name="chain_logs",
        state="ok",
        polls=3,
        rows=9,
        lag_p50_ms=2300,
        lag_p95_ms=3100,
        lag_p99_ms=4700,
        coverage=0.987,
    )
    blind = SourceStatus(name="subgraph", state="blind", last_error="answers, but showed none", coverage=0.0, missed=9)
    progress = HybridProgress(
        id="p",
        emitted_at_ms=NOW_MS,
        detector="d",
        runtime_ms=1,
        leaders=(LEADER,),
        signals=1,
        sightings=1,
        repeats=0,
        sources=(source, blind),
    )
    redemption = RedemptionResult(
        id="r",
        emitted_at_ms=NOW_MS,
        wallet="paper",
        condition_id=CONDITION,
        mode="paper",
        payouts=("0.5", "0.5"),
        lots=(),
        expected=D(5),
        paid=D(5),
        cost=D(6),
        realized=D(-1),
        title="Will it?",
        ledger_seq=3,
    )
    start = ServiceStart(id="x", emitted_at_ms=1, service="buyer", instance="b")
    for event in (start, progress, a_signal(), a_skip(), redemption):
        view.apply(event)
    return view


def drawn(*parts: object) -> str:
    console = Console(width=220, height=50, record=True, file=io.StringIO())
    for part in parts:
        console.print(part)
    return console.export_text()


def test_the_screen_shows_leaders_sources_signals_reasons_positions_and_redemptions() -> None:
    lot = Lot(LEADER, TOKEN, CONDITION, 0, "Will it?", 9_610_000, 4_997_200)
    gate = GateStatus(name="data_api", target_per_s=10, factor=0.5, hold_ms=1200, granted=7)
    picture = Picture(a_full_view(), {"cash": 10**9, "halt": 1}, [lot], (gate,), NOW_MS)

    for text in (drawn(page(picture)), drawn(full_screen(picture, 50))):
        for piece in (
            "0xa1a1…a1a1",
            "chain_logs",
            "2.3 s",
            "4.7 s",
            "99%",
            "blind",
            "answers, but",
            "slippage: 0.6 (limit 0.52)",
            "0.520",
            "0.5 / 0.5",
            "-1.00",
            "KILL SWITCH ON",
            "data_api",
            "50%",
            "buyer: up",
        ):
            assert piece in text, f"{piece} is not on the screen"


def a_fill(**changes: object) -> dict[str, object]:
    return {
        "tracked": True,
        "removed": False,
        "leader": LEADER,
        "tx_hash": "0x" + "7e" * 32,
        "token_id": TOKEN,
        "side": "BUY",
        "shares_micro": 100_000_000,
        "usdc_micro": 50_000_000,
        **changes,
    }


def test_the_screen_says_which_services_use_real_money() -> None:
    view = a_full_view()
    view.apply(ServiceStart(id="y", emitted_at_ms=1, service="redeemer", instance="r", mode="live"))
    assert "PAPER, and LIVE: redeemer" in drawn(page(Picture(view)))

    view.apply(ServiceStart(id="z", emitted_at_ms=2, service="redeemer", instance="r", mode="paper"))
    assert "LIVE" not in drawn(page(Picture(view)))


def test_the_judge_finds_what_was_missed_doubled_and_wrong() -> None:
    assert judge([a_fill()], [a_signal()]).clean
    assert judge([a_fill()], []).missed == 1
    assert judge([a_fill()], [a_signal(), a_signal()]).duplicated == 1
    assert judge([a_fill(shares_micro=1)], [a_signal()]).wrong == 1
    assert judge([], [a_signal()]).duplicated == 1
    assert judge([a_fill(removed=True)], []).clean


def test_trap_30_a_view_of_months_stays_small() -> None:
    view = View()
    for number in range(MOST_TITLES + 50):
        decision = a_skip().model_copy(update={"token_id": str(number), "reason": f"dead letter: line {number}"})
        view.apply(decision)

    assert len(view.titles) == MOST_TITLES
    assert str(MOST_TITLES + 49) in view.titles
    assert view.reasons == {"dead letter": MOST_TITLES + 50}


@pytest.mark.parametrize("height", range(1, 30, 4))
@pytest.mark.parametrize("width", [1, 20, 200])
def test_a_terminal_of_any_size_shows_what_fits(width: int, height: int) -> None:
    console = Console(file=io.StringIO(), width=width, height=height)

    console.print(full_screen(Picture(a_full_view()), height))
