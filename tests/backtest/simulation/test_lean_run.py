"""A run that builds no texts nobody reads comes to what whole decisions come to."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from backtest.backtest import run_backtest
from backtest.domain.market_events import MarketEvent
from backtest.history.history_files import open_history
from backtest.results.result import BacktestResult
from shared.capture.capture import FolderWriter, Header
from shared.messages.base import SIGNALS
from shared.messages.events import write_event
from shared.messages.signals import ActionableSignal
from shared.redis.streams import StreamEntry
from tests.amounts import D
from tests.backtest.histories import MICRO, OTHER_TOKEN, a_trade, at, models, other_outcome, resolves
from tests.buyer.builders import a_market, some_settings

pytestmark = pytest.mark.slow
WIDE = ("--max-day-usdc", "100000", "--max-market-usdc", "100000", "--max-event-usdc", "100000")
CAPS = (*WIDE, "--max-leader-usdc", "100000", "--max-total-usdc", "100000")


def a_history() -> Iterator[MarketEvent]:
    """Yield buys and sells of two outcomes at moving prices: small, large, dear, and one market that pays."""
    for number in range(120):
        second = 20 * number
        price, shares = f"0.{20 + number * 7 % 60}", str(1 + number * 37 % 400)
        side = "SELL" if number % 6 == 5 else "BUY"
        yield (a_trade if number % 3 else other_outcome)(second, price, shares, side=side)
        if number == 30:
            known = a_market(token_id=OTHER_TOKEN, outcome_index=1, neg_risk=True, event_id="9", tick=D("0.001"))
            yield MarketEvent(at(second), known)
    yield resolves(2500, "1", "0")


@pytest.mark.parametrize(
    "flags",
    [
        (),
        CAPS,
        (*CAPS, "--gather-window-s", "300", "--min-leader-usdc", "40"),
        (*CAPS, "--sizing", "kelly", "--kelly-edge-pct", "30"),
        (*CAPS, "--sizing", "percent", "--leader-pct", "20", "--mirror-sells", "proportional"),
        (*CAPS, "--stop-loss-pct", "5", "--take-profit-pct", "5", "--max-hold-s", "400"),
        ("--max-orders-per-minute", "1", "--max-drawdown-usdc", "1", "--max-day-loss-usdc", "1"),
        ("--sides", "sell", "--role", "taker"),
    ],
)
def test_whole_decisions_come_to_the_same_totals_trades_and_reasons(flags: tuple[str, ...]) -> None:
    lean, whole = ran(flags, whole=False), ran(flags, whole=True)

    assert lean.signals == 120
    assert lean.skips == whole.skips
    assert lean.outcomes == whole.outcomes
    assert lean == whole


def test_runs_with_skips_and_orders_are_among_what_is_compared() -> None:
    result = ran(CAPS, whole=False)

    assert result.bought > 50
    assert result.sold > 5
    assert result.skips


def test_a_skip_is_decided_once_whoever_brings_it_again(tmp_path: Path) -> None:
    """Two captures of the same hour: each signal counts once, followed or not."""
    trades = [item for item in a_history() if item.at_ms < at(400)]
    signals = [item.what for item in trades if isinstance(item.what, ActionableSignal)]
    for name in ("one", "two"):
        out = FolderWriter(tmp_path / name, Header(0))
        texts = [write_event(signal) for signal in signals]
        out.write(
            [StreamEntry(SIGNALS, f"{n}-0", {"event": "", "json": text}) for n, text in enumerate(texts, start=1)]
        )
        out.close()

    history = open_history([tmp_path / "one", tmp_path / "two"])
    result = run_backtest(history.market_events, some_settings().limits, 1000 * MICRO, models())

    assert result.signals == len(signals)


def test_a_poisoned_signal_of_a_far_future_moves_no_other(tmp_path: Path) -> None:
    trade = a_trade(0).what
    assert isinstance(trade, ActionableSignal)
    good = trade
    text = write_event(good)
    poison = json.dumps({**json.loads(text), "traded_at_ms": at(10**6), "price": "dear"}, separators=(",", ":"))
    out = FolderWriter(tmp_path / "capture", Header(0))
    out.write([StreamEntry(SIGNALS, f"{n}-0", {"event": "", "json": each}) for n, each in ((1, poison), (2, text))])
    out.close()

    (only,) = open_history([tmp_path / "capture"]).market_events
    assert only.at_ms == at(0)
    assert isinstance(only.what, ActionableSignal)
    assert only.what == good


def ran(flags: tuple[str, ...], *, whole: bool) -> BacktestResult:
    """Run the history with every outcome kept."""
    limits = some_settings(*flags).limits
    return run_backtest(a_history(), limits, 10_000 * MICRO, models(), keep_skips=True, whole=whole)
