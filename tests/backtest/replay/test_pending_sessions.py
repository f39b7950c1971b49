"""A session that followed trades before their block, in part or waiting, is made again byte for byte."""

from pathlib import Path

import pytest

from backtest.history.capture_events import captured_events
from backtest.history.capture_tape import read_tape
from backtest.replay.redecide_command import redecided
from backtest.replay.replay import SessionReplay
from shared.capture.capture import Capture
from shared.messages.base import SIGNALS
from shared.messages.events import write_event
from shared.messages.signals import ActionableSignal
from tests.backtest.replay.sessions import Session, a_hash
from tests.buyer.recovery.test_pending_signals import a_pending, confirmed


def told(session: Session, signal: ActionableSignal) -> None:
    """Tell a pending signal, and that it is confirmed, as the detector does."""
    session.signal(signal)
    event = confirmed(signal)
    session._keep(SIGNALS, event.event, write_event(event))
    assert event.signal is not None
    session.clock.advance(0.5)
    session.engine.process_actionable(event.signal)


@pytest.mark.parametrize(("way", "verdicts"), [("part", ["BUY", "BUY"]), ("wait", ["SKIP", "BUY"])])
def test_both_decisions_on_a_trade_are_made_again(tmp_path: Path, way: str, verdicts: list[str]) -> None:
    session = Session("--on-pending", way, "--stake-usdc", "20", "--max-stake-usdc", "20")
    told(session, a_pending(tx_hash=a_hash(1)))
    tape = read_tape(Capture.open(session.capture(tmp_path)))

    made = list(SessionReplay(tape).run())

    assert [item.decision.verdict for item in made] == verdicts
    assert all(item.same for item in made)
    assert all(item.same for item in redecided(tape))


def test_a_backtest_is_told_of_both(tmp_path: Path) -> None:
    session = Session()
    signal = a_pending(tx_hash=a_hash(1))
    told(session, signal)

    events = [what for _, what in captured_events(Capture.open(session.capture(tmp_path)))]

    found = [what for what in events if isinstance(what, ActionableSignal)]
    assert [(one.pending, one.completes) for one in found] == [(True, None), (None, signal.id)]
