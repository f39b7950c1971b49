"""`--parity`: a summary for people and an exit code for machines."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtest.__main__ import app
from tests.backtest.replay.sessions import Session
from tests.buyer.builders import a_signal


def test_the_command_prints_a_summary_and_exits_0_when_identical(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)

    result = CliRunner().invoke(app, [str(path), "--parity", "--decisions"])

    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == 8
    assert "identical to the recording, byte for byte: 8 of 8" in result.stderr
    assert re.search(r"bought for \d{1,3}(\.\d+)? · fees", result.stderr)


def test_the_command_exits_1_when_a_decision_differs(session: Session, tmp_path: Path) -> None:
    path = session.capture(tmp_path)
    path.write_text(path.read_text().replace('"value":"0.5"', '"value":"0.501"', 1))

    assert CliRunner().invoke(app, [str(path), "--parity"]).exit_code == 1


def test_a_live_session_is_not_called_different_but_sent_to_what_can_judge_it(tmp_path: Path) -> None:
    session = Session()
    session.signal(a_signal())
    path = session.capture(tmp_path)
    path.write_text(path.read_text().replace('"mode":"paper"', '"mode":"live"'))

    result = CliRunner().invoke(app, [str(path), "--parity"])

    assert result.exit_code == 2
    assert "cannot be played back: --redecide" in result.stderr
    assert CliRunner().invoke(app, [str(path), "--redecide"]).exit_code == 0


def test_a_session_of_several_shards_is_sent_to_what_can_judge_it(tmp_path: Path) -> None:
    session = Session("--buyer-shards", "4")
    session.signal(a_signal())
    path = session.capture(tmp_path)

    result = CliRunner().invoke(app, [str(path), "--parity"])

    assert result.exit_code == 2
    assert "4 shards" in result.stderr
    assert "--redecide" in result.stderr
    assert CliRunner().invoke(app, [str(path), "--redecide"]).exit_code == 0


@pytest.mark.parametrize("flag", ["--set=stake=5", "--set=stake_usdc=much", "--set=stake_usdc"])
def test_the_command_names_a_wrong_change(flag: str, session: Session, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [str(session.capture(tmp_path)), flag])

    assert result.exit_code == 2
    assert "stake" in result.stderr
