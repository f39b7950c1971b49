"""`python -m backtest`: a result for people and for machines, and errors that name the fix."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from backtest.__main__ import app
from backtest.domain.market_events import MarketEvent
from backtest.results.stop_uncertainty import UNSEEN
from backtest.simulation.pacing import ReplayPace
from shared.clock import ManualClock
from tests.backtest.histories import a_trade, at, resolves, run
from tests.backtest.history.test_history import a_line, csv_file
from tests.buyer.builders import LEADER, a_book


def test_a_history_becomes_a_result_in_json_and_in_words(tmp_path: Path) -> None:
    winners = tmp_path / "winners.csv"
    winners.write_text("market,winner\nBTC up?,Up\n")

    words = ["--resolved", str(winners), "--closes-after", "1", "--json"]

    made = CliRunner().invoke(app, [str(csv_file(tmp_path, a_line(1), a_line(60, 2))), *words])

    assert made.exit_code == 0, made.output
    result = json.loads(made.stdout)
    assert (result["signals"], result["bought"], result["filled"]) == (2, 1, 1)
    assert result["realized"] == "4.5408"
    assert len(result["outcomes"]) == 1
    doubts = {doubt["what"].partition(":")[0]: (doubt["trades"], doubt["of"]) for doubt in result["cannot_tell"]}
    assert doubts["whether a signal came in time"] == (1, 2)
    assert "cannot tell" in made.stderr


def test_a_result_does_not_hang_on_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [str(csv_file(tmp_path, a_line(1))), "--json"]
    plain = CliRunner().invoke(app, words).stdout
    for name, value in (("STAKE_USDC", "50"), ("PAPER_BANKROLL_USDC", "7"), ("BUYER_SHARDS", "none")):
        monkeypatch.setenv(name, value)

    assert CliRunner().invoke(app, words).stdout == plain


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["none.csv"], "none.csv"),
        (["--delay", "soon"], "--delay soon"),
        (["--set", "stake=1"], "--set stake=1"),
        (["--set", "stake_usdc=much"], "stake_usdc"),
        (["--set", "stake_usdc=-5"], "stake_usdc=-5: Input should be greater than 0 (Collateral for each buy"),
        (["--set", "max_market_usdc=-1"], "max_market_usdc=-1"),
        (["--set", "max_slippage_ticks=-50"], "max_slippage_ticks=-50"),
        (["--set", "leader_limits=xyz"], "leader_limits=xyz: no JSON"),
        (["--set", 'leader_limits={"0x1": {}}'], "is no wallet"),
        (["--set", "min_price=0.99"], "min_price 0.99 is above max_price 0.97"),
        (["--delay", "nan"], "--delay nan"),
        (["--delay", "inf"], "--delay inf"),
        (["--delay", "1e300"], "--delay 1e300"),
        (["--fee-rate", "7"], "--fee-rate 7"),
        (["--closes-after", "inf"], "--closes-after"),
        (["--html", "none/page.html"], "--html none/page.html: there is no folder none"),
        (["--html", "."], "name a file in it"),
        (["--png", "pyproject.toml/plots"], "is a file; name a folder"),
    ],
)
def test_a_wrong_word_is_named(words: list[str], said: str, tmp_path: Path) -> None:
    path = csv_file(tmp_path, a_line(1))

    made = CliRunner().invoke(app, [str(path), *words])

    assert made.exit_code == 2
    assert said in made.stderr


def test_a_leaders_own_limit_holds_however_its_wallet_is_written(tmp_path: Path) -> None:
    path = csv_file(tmp_path, a_line(1))
    wallet = "0x" + path.read_text().partition("0x")[2][:40]
    own = json.dumps({"0x" + wallet[2:].upper(): {"stake_usdc": "20"}})

    made = CliRunner().invoke(app, [str(path), "--json", "--set", f"leader_limits={own}"])

    [outcome] = json.loads(made.stdout)["outcomes"]
    assert outcome[6] == "all rules passed"
    assert outcome[14] > 30_000_000, "shares wanted for 20 pUSD, not for 5"


@pytest.mark.parametrize(("speed", "passed_ms"), [(0, 0), (1, 30_000), (10, 3000)])
def test_a_history_passes_as_fast_as_it_is_told(speed: float, passed_ms: int) -> None:
    clock = ManualClock(0)

    assert len(list(ReplayPace(clock, speed).pace_events([a_trade(0), a_trade(10), a_trade(30)]))) == 3

    assert clock.now_ms() == passed_ms


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), []),
        (("--stop-loss-pct", "30"), [(2, 3)]),
        (("--take-profit-pct", "30"), [(2, 3)]),
        (("--max-hold-s", "3600"), [(2, 3)]),
        (("--leader-limits", json.dumps({LEADER: {"stop_loss_pct": "30"}})), [(1, 2)]),
    ],
)
def test_a_stop_without_books_is_said_to_be_unsure(flags: tuple[str, ...], said: list[tuple[int, int]]) -> None:
    """One of the leader's two buys meets a recorded book; another leader's buy meets none."""
    book = MarketEvent(at(302), a_book(at_ms=at(302)))
    other = a_trade(600, "0.5", leader="0x" + "b2" * 20)

    result = run([a_trade(0), a_trade(300), book, other], *flags)

    assert result.filled == 3
    assert [(doubt.trades, doubt.of) for doubt in result.cannot_tell if doubt.what == UNSEEN] == said


def test_a_stop_loss_sells_between_signals(capsys: pytest.CaptureFixture[str]) -> None:
    fall = a_trade(5, "0.2", "0.1", leader="0x" + "b2" * 20)
    far = a_trade(600, "0.2", "0.1", leader="0x" + "b2" * 20)

    result = run([a_trade(0), fall, far, resolves(700, "1", "0")], "--stop-loss-pct", "30")

    sold = [outcome for outcome in result.outcomes if outcome.verdict == "SELL"]
    assert [outcome.reason for outcome in sold] == ["exit: stop_loss"]
    assert capsys.readouterr().err == ""  # the result tells it; thousands of log lines would hide the summary
    assert (sold[0].shares, sold[0].best) == (9_610_000, 190_000)
    assert sold[0].decided_at_ms < far.at_ms
    assert result.signals == 3
    assert result.open == ()
