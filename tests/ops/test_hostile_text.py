"""What strangers write (titles, labels, reasons) is plain text in every view: no markup, no escape code."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fakeredis
import pytest
from msgspec.structs import replace
from rich.console import RenderableType
from rich.live import Live
from rich.progress import Progress, TextColumn
from rich.table import Table

from backtest.replay import parity, redecide_command
from backtest.replay.redecide import Redecided
from backtest.replay.replay import ReplayedDecision
from backtest.report import text_summary
from backtest.results.deflated_sharpe import ReturnMoments
from backtest.results.source_reading import LeftOut, SourceReading
from backtest.sweep.plan import SweepAxis
from backtest.sweep.trial import TrialScore
from ops.audit import audit
from ops.domain.fill_timeline import find_stories, tell_story
from ops.domain.signal_comparison import AuditFinding, ComparedKey, ShownFill, SignalComparison
from ops.domain.skip_stats import skip_stats
from ops.explain import skip_stats_view, timeline_view
from ops.operator import leaders as following
from ops.operator import reconcile as reconciling
from ops.operator import redeem
from ops.operator.account import leader_table
from ops.operator.status import draw
from ops.operator.terminal.banner import state_line
from ops.operator.terminal.screen import full_screen, page
from ops.operator.terminal.screen_frame import ScreenPicture
from ops.research import sweep_view, wallet
from ops.supervisor.up import to_terminal
from redeemer.config import parse_args
from shared import logs
from shared.clock import ManualClock
from shared.domain import exit_codes
from shared.domain.errors import BadConfig, Unavailable
from shared.domain.ledger_accounts import Lot
from shared.domain.market import MarketFacts
from shared.domain.plain_text import make_plain
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.decisions import Outcome, RuleResult
from shared.messages.signals import MarketHint
from shared.process.beats import ProcessBeat, judge_standing
from shared.terminal import Terminal
from tests.amounts import D
from tests.backtest.result_builders import a_doubt, a_result
from tests.backtest.results.test_copyability import GAIN, a_trade, conduct_of, copied
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN, a_market, a_signal
from tests.ops.domain.test_live_view import a_full_view
from tests.ops.explain.life_builders import a_decision, a_redemption

pytestmark = pytest.mark.pitfall(62)

EVIL = (
    "[red]Will[/red] [link=http://x]it[/link] :skull: \x1b]0;owned\x07\x1b[2J\x1b[31m\x9b31m\x90q\x9c\r\n"
    "KILL SWITCH OFF\u2028\u2029\u202eLIVE\u2066\u200b\x00\x7f"
)
ACTS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
Views = dict[str, Callable[[], RenderableType]]


def a_hostile_market() -> MarketFacts:
    return a_market(title=EVIL, outcome=EVIL, slug=EVIL)


def a_hostile_picture() -> ScreenPicture:
    view, market = a_full_view(), a_hostile_market()
    rule = RuleResult(rule=EVIL, passed=False, value=EVIL, limit=EVIL)
    inputs = replace(a_decision().inputs, market=market, problems=(EVIL,))
    skip = a_decision(verdict="SKIP", reason=EVIL, rules=(rule,), order=None, outcome=None, inputs=inputs)
    failed = Outcome(state="REJECTED", shares=D(0), usdc=D(0), fee=D(0), reason=EVIL)
    for event in (a_hostile_signal(), skip, a_decision(outcome=failed, inputs=inputs), a_hostile_payment()):
        view.apply(event)
    if view.progress:
        sources = tuple(replace(source, name=EVIL, last_error=EVIL) for source in view.progress.sources)
        view.progress = replace(view.progress, sources=sources)
    lot = Lot(LEADER, TOKEN, CONDITION, 0, EVIL, 9_610_000, 4_997_200)
    process = judge_standing(ProcessBeat(EVIL, EVIL, EVIL, EVIL, "failed", reason=EVIL), 99)
    picture = ScreenPicture(view, {"halt": 1}, [lot], title=EVIL, stopped_by=EVIL, away=EVIL, standings=(process,))
    picture.running = frozenset({"paper"})
    return picture


def a_hostile_signal() -> Any:
    hint = MarketHint(title=EVIL, outcome=EVIL)
    return a_signal(market=hint, leader_label=EVIL)


def a_hostile_payment() -> Any:
    return replace(a_redemption(3), title=EVIL, payouts=(EVIL, "0"))


def a_hostile_story() -> RenderableType:
    rule = RuleResult(rule=EVIL, passed=False, value=EVIL, limit=EVIL)
    inputs = replace(a_decision().inputs, market=a_hostile_market(), problems=(EVIL,))
    outcome = Outcome(state="REJECTED", shares=D(0), usdc=D(0), fee=D(0), reason=EVIL)
    signal = a_hostile_signal()
    decision = a_decision(signal_id=signal.id, reason=EVIL, rules=(rule,), inputs=inputs, outcome=outcome)
    events = (signal, decision, a_hostile_payment())
    (story,) = tell_story(events, find_stories(events, signal.id))
    return timeline_view.story(story)


def hostile_totals() -> RenderableType:
    rule = RuleResult(rule=EVIL, passed=False, value=EVIL, limit=EVIL)
    skip = a_decision(verdict="SKIP", reason=EVIL, rules=(rule,), order=None, outcome=None, leader=LEADER)
    failed = Outcome(state="REJECTED", shares=D(0), usdc=D(0), fee=D(0), reason=EVIL)
    missed = a_decision(outcome=failed, signal_id="77" * 32)
    return skip_stats_view.totals(skip_stats([skip, missed], 0, NOW_MS * 2))


def hostile_leaders() -> RenderableType:
    server: Any = fakeredis.FakeRedis(decode_responses=True)
    following.add(server, LEADER, EVIL, ManualClock(NOW_MS))
    (found,) = leader_table.table(server)
    shown = Table("label")
    shown.add_row(found.label)
    return shown


def a_hostile_sweep() -> RenderableType:
    shape = ReturnMoments(1, 0.1, 0.1, 0, 3)
    numbers = dict.fromkeys(("signals", "orders", "filled", "markets", "spent", "pnl"), 1)
    more = dict.fromkeys(("open_value", "fees", "beyond", "max_drawdown", "most_locked"), 1)
    scores = [
        TrialScore(id=str(n), settings={EVIL: EVIL + str(n), "b": str(n)}, shape=shape, **numbers, **more)
        for n in range(2)
    ]
    return sweep_view.shown(scores, [SweepAxis(EVIL, (EVIL + "0", EVIL + "1")), SweepAxis("b", ("0", "1"))])


def a_hostile_wallet() -> RenderableType:
    doubt, model = (a_doubt(37, EVIL),), {EVIL: EVIL}
    copies = copied(GAIN, GAIN)
    for copy in copies:
        object.__setattr__(
            copy,
            "result",
            copy.result.model_copy(update={"cannot_tell": doubt, "model": model, "skips": {EVIL: 3}}),
        )
    return wallet.report(copies, conduct_of([a_trade(10)]))


VIEWS: Views = {
    "status": lambda: page(a_hostile_picture()),
    "status --watch": lambda: full_screen(a_hostile_picture(), 50),
    "status --watch, narrow": lambda: full_screen(a_hostile_picture(), 24),
    "banner": lambda: state_line(a_hostile_picture()),
    "why": a_hostile_story,
    "why-not": hostile_totals,
    "leaders": hostile_leaders,
    "sweep": a_hostile_sweep,
    "wallet": a_hostile_wallet,
}


def refused(text: str, *, colours: bool = False) -> list[str]:
    """Return what would act on a terminal; our own colours apart where they are wanted."""
    return ACTS.findall(COLOURS.sub("", text) if colours else text)


@pytest.mark.parametrize("width", [80, 400])
@pytest.mark.parametrize("name", VIEWS)
def test_every_view_of_a_hostile_title_is_plain_text_on_a_terminal(name: str, width: int) -> None:
    """The bytes a terminal gets are text and our own colours."""
    out = io.StringIO()
    console = Terminal(file=out, width=width, height=24, force_terminal=True, color_system="truecolor")

    console.print(VIEWS[name]())

    shown = COLOURS.sub("", out.getvalue())
    assert refused(shown) == []
    assert "\x1b" not in shown
    assert "💀" not in shown
    if width > len(EVIL) * 2:
        assert not any(line.startswith("KILL SWITCH OFF") for line in shown.splitlines())
        assert "[red]Will" in shown, "it was read as markup, or is not shown at all"


def test_the_live_screen_and_a_progress_line_are_plain_too() -> None:
    out = io.StringIO()
    console = Terminal(file=out, width=120, height=24, force_terminal=True)

    with Live(console=console, auto_refresh=False) as live:
        live.update(full_screen(a_hostile_picture(), 24), refresh=True)
    with Progress(TextColumn("{task.description}", markup=False), console=console) as bar:
        bar.add_task(EVIL, total=None)

    cursor = re.compile(r"\x1b\[\??[0-9;]*[A-Za-z]|\r")
    shown = cursor.sub("", out.getvalue())
    assert refused(shown) == []
    assert "owned" in shown


def printed_by_functions() -> Iterator[tuple[str, Callable[[], object]]]:
    finding = AuditFinding(EVIL, ComparedKey(EVIL, EVIL, EVIL, EVIL), 1)
    sights = {EVIL: ShownFill(1, 1, 1)}
    reckoning = SignalComparison(1, 1, 1, 1, 1, 1, 1, 1, (5,), sights, (finding,))
    found = audit.AuditResult((LEADER,), 0, 1, 5, reckoning)
    yield "audit", lambda: audit._show(found, Terminal())
    row = redeem.RedeemRow(EVIL, "failed", "1", EVIL)
    yield "redeem", lambda: redeem._show([row], parse_args([]), now=False, as_json=False)
    market = a_result().markets[0].model_copy(update={"title": EVIL, "category": EVIL})
    result = a_result(skips={EVIL: 2}, model={EVIL: EVIL}, cannot_tell=(a_doubt(3, EVIL),), markets=(market,))
    left_out = (LeftOut(reason=EVIL, rows=1, first=EVIL),)
    read = SourceReading(name=EVIL, form=EVIL, rows=1, trades=0, left_out=left_out, remarks=(EVIL,))
    result = result.model_copy(update={"history": (read,)})
    yield "backtest", lambda: text_summary.print_summary(result)
    decision = a_decision(reason=EVIL, verdict="SKIP", outcome=None, order=None)
    ledger: Any = MemoryLedger()
    again: Any = type("Again", (), {"ledger": ledger})()
    yield "parity", lambda: parity._summary([ReplayedDecision(decision, "a", "b")], again)
    made = [Redecided(decision, problem=EVIL), Redecided(decision, differences=((EVIL, EVIL, EVIL),))]  # type: ignore[arg-type]  # any words
    yield "redecide", lambda: redecide_command._summary(made, adopted=1)


@pytest.mark.parametrize(
    ("name", "show"), list(printed_by_functions()), ids=lambda given: given if isinstance(given, str) else ""
)
def test_every_report_of_a_hostile_title_is_plain_text(
    name: str, show: Callable[[], object], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "600")

    show()

    said = capsys.readouterr()
    assert refused(said.out + said.err) == []
    assert "[red]Will" in said.out + said.err, name


def test_lines_for_an_operator_and_log_lines_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure_logs(form="text")
    log = logs.get_logger("buyer")
    log.info("order_rejected", reason=EVIL, nested={"title": [EVIL]}, title=EVIL)
    log.error("poll_failed", exc_info=Unavailable(EVIL))
    logged = capsys.readouterr().err

    out = io.StringIO()
    to_terminal(out)("buyer", EVIL)
    lines = [
        exit_codes.plain_line("hybrid", BadConfig(EVIL)),
        exit_codes.plain_line("buyer", ValueError(EVIL)),
        out.getvalue(),
    ]

    assert refused(logged + "".join(lines)) == []
    assert "[red]Will" in logged
    assert "Unavailable: [red]Will" in logged


def test_orders_that_did_not_end_are_listed_plainly() -> None:
    lot = Lot("", TOKEN, CONDITION, 0, EVIL, 1, 1)
    row = reconciling.UnfinishedIntent("intent", EVIL, EVIL, EVIL, EVIL, 5)

    said = "\n".join((reconciling._adopted(lot), reconciling._line(row)))

    assert refused(said) == []
    assert not any(line.strip().startswith("KILL SWITCH OFF") for line in said.splitlines())
    assert len(said.splitlines()) == 4


def test_a_picture_of_the_screen_has_no_title_that_acts(tmp_path: Path) -> None:
    file = tmp_path / "screen.svg"

    draw(a_hostile_picture(), file)

    drawn = file.read_text(encoding="utf-8")
    assert refused(drawn.replace("\n", "")) == []
    assert "<script" not in drawn


def test_plain_text_keeps_its_length_and_what_people_write() -> None:
    assert len(make_plain(EVIL)) == len(EVIL)
    assert make_plain("Côte d'Ivoire, 日本 👩‍🚀 50% [Yes]") == "Côte d'Ivoire, 日本 👩‍🚀 50% [Yes]"
    assert make_plain("a\tb\nc") == "a b c"
    assert make_plain("half a character: \ud800").encode()
