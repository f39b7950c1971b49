"""A capture's retractions in a backtest: what was not decided is not followed, what was bought is sold again."""

from pathlib import Path

import pytest

from backtest.domain.market_events import MarketEvent
from backtest.history.capture_events import captured_events
from buyer.execution.buy_gate import RETRACTED
from shared.capture.capture import Capture
from shared.messages.base import SIGNALS
from shared.messages.events import write_event
from shared.messages.signals import ActionableSignal
from tests.backtest.histories import a_trade, at, run
from tests.backtest.replay.sessions import Session
from tests.buyer.builders import a_retraction, a_signal

pytestmark = pytest.mark.pitfall(48)


def taken_back(of: MarketEvent, second: int) -> MarketEvent:
    """Build the word that a trade is in no block any more."""
    assert isinstance(of.what, ActionableSignal)
    return MarketEvent(at(second), a_retraction(of.what, at(second)))


def later(second: int) -> MarketEvent:
    """Build a trade of somebody else's in another market, so that the history goes on."""
    return a_trade(second, "0.5", token_id="elsewhere", leader="0x" + "c3" * 20, shares="0.1")


def test_what_was_bought_because_of_a_trade_that_never_was_is_sold_when_that_is_told() -> None:
    trade = a_trade(0)

    result = run([trade, taken_back(trade, 60), later(120)])

    bought, sold = result.outcomes[:2]
    assert (bought.verdict, sold.verdict, sold.reason) == ("BUY", "SELL", "exit: retracted")
    assert at(60) <= sold.decided_at_ms <= at(63)
    assert result.open == ()


def test_it_is_kept_where_that_is_asked_for() -> None:
    trade = a_trade(0)

    result = run([trade, taken_back(trade, 60), later(120)], "--on-retraction", "keep")

    assert [one.verdict for one in result.outcomes] == ["BUY", "SKIP"]
    assert len(result.open) == 1


def test_a_signal_that_is_taken_back_before_it_arrives_is_not_followed() -> None:
    trade = a_trade(0)

    result = run([trade, taken_back(trade, 1), later(120)])

    assert result.skips[RETRACTED] == 1
    assert result.bought == 0


def test_one_told_twice_or_of_a_signal_that_was_skipped_changes_nothing() -> None:
    trade, small = a_trade(0), a_trade(5, shares="0.1")

    result = run([trade, small, taken_back(trade, 60), taken_back(trade, 61), taken_back(small, 62), later(120)])

    assert [one.verdict for one in result.outcomes] == ["BUY", "SKIP", "SELL", "SKIP"]
    assert result.signals == 3


def test_a_capture_tells_them(tmp_path: Path) -> None:
    session, signal = Session(), a_signal()
    session.signal(signal)
    gone = a_retraction(signal, signal.traded_at_ms + 60_000)
    session._keep(SIGNALS, gone.event, write_event(gone))

    found = list(captured_events(Capture.open(session.capture(tmp_path))))

    assert (gone.emitted_at_ms, gone) in [(event.at_ms, event.what) for event in found]
