"""What a person sees: gathered from events, drawn as text."""

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from buyer.sharding.shard_leases import ShardLease
from ops.domain.demo_check import judge_demo
from ops.domain.live_view import MOST_TITLES, LiveView
from ops.operator.terminal.screen import full_screen, page
from ops.operator.terminal.screen_frame import ScreenPicture
from shared.domain.ledger_accounts import Lot
from shared.messages.decisions import BuyEngineDecision, Inputs, RuleResult
from shared.messages.redemptions import RedemptionResult
from shared.messages.service import GateStatus, HybridProgress, ServiceStart, ServiceStop, SourceStatus
from shared.process.beats import ProcessBeat, ProcessStanding, judge_standing
from shared.terminal import Terminal
from tests.amounts import D
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_market, a_signal


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


def a_full_view() -> LiveView:
    view = LiveView()
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
    console = Terminal(width=220, height=50, record=True, file=io.StringIO())
    for part in parts:
        console.print(part)
    return console.export_text()


def test_the_screen_shows_leaders_sources_signals_reasons_positions_and_redemptions() -> None:
    lot = Lot(LEADER, TOKEN, CONDITION, 0, "Will it?", 9_610_000, 4_997_200)
    gate = GateStatus(name="data_api", target_per_s=10, factor=0.5, hold_ms=1200, granted=7)
    picture = ScreenPicture(a_full_view(), {"cash": 10**9, "halt": 1}, [lot], (gate,), NOW_MS)

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
    assert "PAPER, and LIVE: redeemer" in drawn(page(ScreenPicture(view)))

    view.apply(ServiceStart(id="z", emitted_at_ms=2, service="redeemer", instance="r", mode="paper"))
    assert "LIVE" not in drawn(page(ScreenPicture(view)))


def test_the_judge_finds_what_was_missed_doubled_and_wrong() -> None:
    assert judge_demo([a_fill()], [a_signal()]).clean
    assert judge_demo([a_fill()], []).missed == 1
    assert judge_demo([a_fill()], [a_signal(), a_signal()]).duplicated == 1
    assert judge_demo([a_fill(shares_micro=1)], [a_signal()]).wrong == 1
    assert judge_demo([], [a_signal()]).duplicated == 1
    assert judge_demo([a_fill(removed=True)], []).clean


@pytest.mark.pitfall(30)
def test_a_view_of_months_stays_small() -> None:
    view = LiveView()
    for number in range(MOST_TITLES + 50):
        decision = structs.replace(a_skip(), token_id=str(number), reason=f"dead letter: line {number}")
        view.apply(decision)

    assert len(view.titles) == MOST_TITLES
    assert str(MOST_TITLES + 49) in view.titles
    assert view.reasons == {"dead letter": MOST_TITLES + 50}


@pytest.mark.parametrize("height", range(1, 30, 4))
@pytest.mark.parametrize("width", [1, 20, 200])
def test_a_terminal_of_any_size_shows_what_fits(width: int, height: int) -> None:
    console = Terminal(file=io.StringIO(), width=width, height=height)

    console.print(full_screen(ScreenPicture(a_full_view()), height))


def a_standing(service: str, age_s: float = 1, **changes: Any) -> ProcessStanding:
    return judge_standing(replace(ProcessBeat(f"{service}@a:1", service, "a", up_s=500), **changes), age_s)


EVERYBODY = tuple(a_standing(name, mode="paper") for name in ("buyer", "detector", "redeemer", "redeemer-worker"))


def first_line(picture: ScreenPicture, width: int, *, live: bool) -> str:
    console = Terminal(width=width, height=24, file=io.StringIO(), record=True)
    console.print(full_screen(picture, 24) if live else page(picture))
    return console.export_text().splitlines()[0]


@pytest.mark.pitfall(62)
@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("width", range(20, 201, 9))
def test_a_kill_switch_is_the_first_words_of_the_first_line_at_any_width(width: int, *, live: bool) -> None:
    lost = (a_standing("detector", 99), *EVERYBODY[:1])
    picture = ScreenPicture(a_full_view(), {"cash": 10**12, "halt": 1, "pause_buys": 1}, stopped_by="root: odd fills")
    picture.standings, picture.away = lost, "Redis does not answer"

    assert first_line(picture, width, live=live).startswith("KILL SWITCH ON")


@pytest.mark.pitfall(62)
@pytest.mark.parametrize("width", [40, 80, 200])
def test_a_dead_detector_is_named_before_any_figure_and_its_sources_are_not_ok(width: int) -> None:
    picture = ScreenPicture(a_full_view(), {"cash": 10**9}, standings=(a_standing("detector", 31), *EVERYBODY[:1]))
    picture.running = frozenset({"paper"})

    shown = drawn(page(picture))

    assert first_line(picture, width, live=True).startswith("DEAD: detector for 31 s")
    assert picture.services == {"buyer": "up", "detector": "dead for 31 s"}
    assert re.search(r"chain_logs +dead", shown)
    assert not re.search(r"chain_logs +ok", shown)


@pytest.mark.pitfall(62)
@pytest.mark.parametrize(
    ("mode", "running", "says", "never"),
    [
        ("paper", {"paper"}, "PAPER", "LIVE"),
        ("live", {"live"}, "LIVE", "PAPER"),
        ("live", {"paper"}, "ledger of LIVE; no buyer spends it now, only PAPER", ""),
        ("live", set[str](), "ledger of LIVE; no buyer spends it now", ", only"),
        ("paper", set[str](), "ledger of PAPER; no buyer spends it now", "LIVE"),
    ],
)
def test_paper_is_never_shown_as_live(mode: str, running: set[str], says: str, never: str) -> None:
    picture = ScreenPicture(a_full_view(), mode=mode, running=frozenset(running), standings=EVERYBODY)

    line = first_line(picture, 300, live=False)

    assert line.startswith(says)
    assert not never or never not in line


@pytest.mark.pitfall(62)
def test_a_service_that_used_real_money_and_stopped_is_not_live_any_more() -> None:
    view = a_full_view()
    stopped = a_standing("redeemer", 5, mode="live", state="stopped")
    picture = ScreenPicture(view, standings=(*EVERYBODY[:2], stopped), running=frozenset({"paper"}))
    view.apply(ServiceStart(id="y", emitted_at_ms=1, service="redeemer", instance="r", mode="live"))
    view.apply(ServiceStop(id="z", emitted_at_ms=2, service="redeemer", instance="r"))

    assert "LIVE" not in drawn(page(picture))
    assert "LIVE" not in drawn(page(ScreenPicture(view)))


def test_a_server_without_any_process_says_so() -> None:
    assert "NOTHING RUNS" in first_line(ScreenPicture(LiveView(), standings=()), 80, live=True)


def test_a_shard_that_nobody_holds_is_an_alarm_once_somebody_held_it() -> None:
    held, free, never = ShardLease("0/3", "buyer-0@a", 1.0), ShardLease("1/3", "", 20.0), ShardLease("2/3", "", None)
    picture = ScreenPicture(LiveView(), standings=EVERYBODY, running=frozenset({"paper"}), shards=(held, free, never))

    assert first_line(picture, 80, live=True).startswith("NOBODY DECIDES ON SHARD 1/3  PAPER")
    assert re.search(r"shard 1/3 .*nobody +20 s ago", drawn(page(picture)))
