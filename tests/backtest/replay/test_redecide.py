"""Each recorded decision again from its own inputs: the same, or the field that is not."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from typer.testing import CliRunner

from backtest.__main__ import app
from backtest.history.capture_tape import CaptureTape, read_tape
from backtest.replay.redecide import Redecided
from backtest.replay.redecide_command import redecided
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.recovery.chain_reconciliation import FOUND
from shared.capture.capture import Capture
from shared.domain import ledger_accounts
from shared.domain.ledger_write import LedgerWrite
from shared.domain.market import Book
from shared.messages.base import SIGNALS
from shared.messages.value_codec import codec_of
from tests.amounts import D
from tests.backtest.replay.sessions import Session, a_hash
from tests.buyer.builders import a_book, a_signal

RECORDED = Path(__file__).parents[1] / "recordings" / "of_0_1"


@pytest.fixture
def session() -> Session:
    """Give a session with each kind of decision in it."""
    session = Session("--gather-window-s", "600", "--min-leader-usdc", "40", "--stop-loss-pct", "30")
    for number in range(3):
        session.signal(a_signal(tx_hash=a_hash(number), usdc=D(15), shares=D(30)))
    session.signal(a_signal(tx_hash=a_hash(3), price=D("0.2")))
    session.poison('{"event":"ACTIONABLE_SIGNAL"}')
    session.crash(a_signal(tx_hash=a_hash(4)), "failed 3 times: a bug")
    session.crash(a_signal(tx_hash=a_hash(5)), "failed 3 times: a bug", ordered=True)
    session.signal(a_signal(tx_hash=a_hash(6)), lambda: session.turn_switch(1))
    session.turn_switch(-1)
    _stop_loss(session)
    return session


def _stop_loss(session: Session) -> None:
    tasks = ExitStore(session.ledger, lambda: None)
    desk = ExitManager(session.engine, tasks, session.prices, clock=session.clock, limits=session.settings.limits)

    def turn(book: Book) -> None:
        session.clock.advance(16)
        session.prices.next_book = structs.replace(book, at_ms=session.clock.now_ms())
        desk.work_due()

    for _ in range(3):
        turn(a_book(bids=(("0.3", "4"),), asks=(("0.31", "1"),)))
    turn(a_book(bids=(("0.3", "4"),), asks=(("0.31", "1"),)))
    session.clock.advance(10)
    turn(a_book(bids=(("0.29", "100"),), asks=(("0.31", "1"),)))
    session.ledger.commit(LedgerWrite(id="pause", postings=((ledger_accounts.PAUSE_BUYS, 1),)))


def tape_of(session: Session, folder: Path) -> CaptureTape:
    return read_tape(Capture.open(session.capture(folder)))


def changed(tape: CaptureTape, reason: str, change: Callable[[Any], None]) -> Redecided:
    """Change the first decision with this reason and make it again."""
    decision, text = next(pair for pair in tape.decisions if pair[0].reason.startswith(reason))
    raw = json.loads(text)
    change(raw)
    text = json.dumps(raw, separators=(",", ":"))
    tampered = codec_of(type(decision)).read(text)
    (found,) = redecided(replace(tape, decisions=((tampered, text),)))
    return found


def test_every_decision_of_a_session_is_made_again_with_the_same_bytes(session: Session, tmp_path: Path) -> None:
    made = list(redecided(tape_of(session, tmp_path)))

    reasons = [one.decision.reason.partition(": failed")[0] for one in made]
    assert reasons[:4] == ["gathered", "gathered", "all rules passed", "slippage"]
    assert {"dead letter", "ledger", "exit: stop_loss"} <= set(reasons)
    assert [one for one in made if not one.same] == []


def test_the_command_prints_what_was_made_again_and_exits_0(session: Session, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(session.capture(tmp_path)), "--redecide"])

    assert result.exit_code == 0, result.output
    assert "the same as recorded, byte for byte: 10 of 10" in result.stderr


@pytest.mark.parametrize(
    ("reason", "field", "value", "differs"),
    [
        ("all rules passed", "verdict", "SKIP", "verdict"),
        ("all rules passed", "reason", "because", "reason"),
        ("all rules passed", "order.limit_price", "0.6", "order.limit_price"),
        ("all rules passed", "rules.slippage.value", "0.49", "rules.slippage.value"),
        ("all rules passed", "inputs.portfolio.cash", "2", "rules.cash.value"),
        ("all rules passed", "inputs.book.asks.0.price", "0.45", "rules.slippage.value"),
        ("gathered", "gathered.usdc", "16", "gathered.usdc"),
        ("exit: stop_loss", "order.shares", "99", "order.shares"),
        ("exit: stop_loss", "exit.keep", "1", "exit.keep"),
        ("ledger", "trade.usdc", "1", "trade.usdc"),
        ("dead letter", "verdict", "BUY", "verdict"),
        ("slippage", "leader", "0x" + "ee" * 20, "leader"),
    ],
)
def test_a_decision_that_was_tampered_with_is_reported_with_its_field(
    session: Session, tmp_path: Path, reason: str, field: str, value: str, differs: str
) -> None:
    def tamper(raw: Any) -> None:
        *way, last = field.split(".")
        for name in way:
            raw = next(rule for rule in raw if rule["rule"] == name) if _rules(raw) else raw[_place(name)]
        raw[last] = value

    found = changed(tape_of(session, tmp_path), reason, tamper)

    assert not found.same
    assert differs in [difference.field for difference in found.differences]


def _rules(raw: Any) -> bool:
    return isinstance(raw, list) and "rule" in raw[0]


def _place(name: str) -> str | int:
    return int(name) if name.isdigit() else name


def test_bytes_that_say_the_same_in_another_form_are_reported(session: Session, tmp_path: Path) -> None:
    tape = tape_of(session, tmp_path)
    (decision, text), *_ = tape.decisions

    (found,) = redecided(replace(tape, decisions=((decision, text + " "),)))

    assert [difference.field for difference in found.differences] == ["bytes"]


def test_a_decision_whose_signal_is_not_there_cannot_be_made_again(session: Session, tmp_path: Path) -> None:
    tape = replace(tape_of(session, tmp_path), signals={})

    found = changed(tape, "gathered", lambda _: None)

    assert "its signal is not in the capture" in found.problem


def test_a_decision_by_settings_nobody_recorded_cannot_be_made_again(session: Session, tmp_path: Path) -> None:
    found = changed(tape_of(session, tmp_path), "gathered", lambda raw: raw["inputs"].update(config_id="other"))

    assert "settings other" in found.problem


def test_a_fill_that_was_found_on_the_chain_is_no_decision(session: Session, tmp_path: Path) -> None:
    tape = tape_of(session, tmp_path)
    decision, text = tape.decisions[2]
    inputs = structs.replace(decision.inputs, portfolio=None)
    adopted = structs.replace(decision, reason=FOUND, rules=(), inputs=inputs)

    assert list(redecided(replace(tape, decisions=((adopted, text),)))) == []


def test_the_command_exits_1_and_names_the_field_that_differs(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)
    path.write_text(path.read_text().replace('"rule":"slippage","passed":true', '"rule":"slippage","passed":false', 1))

    result = CliRunner().invoke(app, [str(path), "--redecide"])

    assert result.exit_code == 1
    assert "rules.slippage.passed: recorded false, made again true" in result.stderr


@pytest.mark.parametrize(("words", "said"), [(["--set", "stake_usdc=1"], "--set stake_usdc"), (["again"], "2 files")])
def test_the_command_names_what_it_cannot_do(session: Session, tmp_path: Path, words: list[str], said: str) -> None:
    result = CliRunner().invoke(app, [str(session.capture(tmp_path)), "--redecide", *words])

    assert result.exit_code == 2
    assert said in result.stderr


def test_an_entry_that_is_no_signal_is_named(session: Session, tmp_path: Path) -> None:
    tape = tape_of(session, tmp_path)
    decision, _ = tape.decisions[0]
    other = next(entry for entry in tape.capture if entry.stream != SIGNALS)

    found = changed(replace(tape, signals={decision.signal_id: other}), "gathered", lambda _: None)

    assert "is no signal" in found.problem


def test_a_capture_of_before_differs_by_no_protection_that_it_did_not_know() -> None:
    """The recording is older than `whole_trade`, which mended the policy itself and so has no setting."""
    made = list(redecided(read_tape(Capture.open(RECORDED))))
    differing = {one.field.split(".")[1] for each in made for one in each.differences if one.field.startswith("rules.")}

    assert len(made) == 16
    assert differing == {"whole_trade"}
