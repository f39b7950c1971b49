"""A run that a stop silenced says so: when, why, how many trades were not followed since, and what widens it."""

import pytest

from backtest.domain.market_events import MarketEvent
from backtest.report.page import page
from backtest.report.report_data import silences
from backtest.report.text_summary import print_summary
from backtest.results.result import BacktestResult
from backtest.results.silenced_spans import SilencedSpans
from tests.backtest.histories import a_trade, at, resolves, run
from tests.buyer.builders import LEADER, some_limits

FALL = ("--breaker-fall-usdc", "3", "--stake-window-s", "0", "--cooldown-s", "0")


def a_fall_and_four_trades_after_it() -> list[MarketEvent]:
    """Build a buy that loses all but nothing is paid, and trades of the same leader long after."""
    later = [a_trade(600 + 60 * number, "0.1") for number in range(4)]
    return [a_trade(0), a_trade(60, "0.1", side="BUY", shares="0.1", leader="0x" + "c3" * 20), *later]


@pytest.fixture(scope="module")
def broken() -> BacktestResult:
    return run(a_fall_and_four_trades_after_it(), *FALL)


@pytest.mark.pitfall(47)
def test_a_breaker_that_trips_says_when_why_and_how_many_trades_it_kept_out(broken: BacktestResult) -> None:
    (span,) = broken.silenced

    assert (span.rule, span.leader, span.setting, span.to_end) == ("breaker", "", "breaker_fall_usdc=3", True)
    assert at(60) <= span.since_ms <= at(602)
    assert span.trades == broken.skips["not_paused"] > 0
    assert "BREAKER_FALL_USDC=3" in span.why


def test_text_page_and_json_say_it(broken: BacktestResult, capsys: pytest.CaptureFixture[str]) -> None:
    print_summary(broken)
    text = " ".join(capsys.readouterr().err.split())

    assert "stopped breaker, to the end from" in text
    assert "Stops that kept trades out" in page(broken)
    assert '"rule":"breaker"' in broken.model_dump_json()
    assert silences(broken)[0].endswith("--set breaker_fall_usdc=... (now 3) widens it")


def test_a_run_that_nothing_silenced_says_nothing() -> None:
    calm = run([a_trade(0), resolves(9, "1", "0")])

    assert calm.silenced == ()
    assert "Stops that kept" not in page(calm)


def test_a_leaders_drawdown_is_told_with_the_leader() -> None:
    spans = SilencedSpans(some_limits())
    spans.add_skip(LEADER, "drawdown", 5)
    spans.add_skip(LEADER, "drawdown", 6)
    spans.add_skip(LEADER, "spread", 7)

    (span,) = spans.spans(None)

    assert (span.leader, span.since_ms, span.trades, span.to_end) == (LEADER, 5, 2, True)
    assert span.setting == "max_drawdown_usdc=100"


def test_a_stop_that_ended_by_itself_did_not_hold_to_the_end() -> None:
    spans = SilencedSpans(some_limits())
    spans.add_skip(LEADER, "day_loss", 5)
    spans.add_buy("0x" + "d4" * 20)

    assert [span.to_end for span in spans.spans(None)] == [False]
