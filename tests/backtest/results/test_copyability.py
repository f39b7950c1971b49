"""Whether a leader can be copied: how it trades, and the verdict over several delays."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from backtest.domain.market_events import MarketEvent
from backtest.results.bootstrap_interval import bootstrap_interval
from backtest.results.copyability import DelayedCopy, assess_copyability, copyability_json
from backtest.results.trader_profile import RESTLESS, TraderProfile, only_leader
from backtest.results.verdict import FEWEST_MARKETS
from shared.messages.signals import MarketHint
from tests.amounts import D
from tests.backtest.result_builders import OTHER, USD, a_result
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, a_signal

MANY = FEWEST_MARKETS * 2
GAIN, LOSS, UNSURE = [USD] * MANY, [-USD] * MANY, [30 * USD, *[-USD] * MANY]
HINT = MarketHint(condition_id=CONDITION)


def a_trade(usdc: int, number: int = 0, **changes: Any) -> MarketEvent:
    facts: dict[str, Any] = {"usdc": D(usdc), "traded_at_ms": NOW_MS + number, "market": HINT}
    return MarketEvent(NOW_MS + number, a_signal(**(facts | changes)))


def conduct_of(trades: Sequence[MarketEvent]) -> TraderProfile:
    profile = TraderProfile(LEADER)
    list(only_leader(trades, LEADER, profile))
    return profile


def copied(*runs: list[int]) -> list[DelayedCopy]:
    return [
        DelayedCopy(delay, a_result(bets), bootstrap_interval(bets))
        for delay, bets in zip((2, 5, 30), runs, strict=False)
    ]


@pytest.mark.parametrize(
    ("second", "two_sided"),
    [
        ({"side": "BUY", "token_id": "9"}, "0.6667"),  # both outcomes bought
        ({"side": "SELL"}, "0.6667"),  # bought and sold
        ({"side": "SELL", "token_id": "9"}, "0"),  # selling the other outcome is the same bet
        ({"side": "BUY"}, "0"),
        ({"side": "SELL", "market": MarketHint(condition_id="0x" + "c1" * 32)}, "0"),  # another market
    ],
)
def test_both_sides_of_one_market_cancel(second: dict[str, Any], two_sided: str) -> None:
    assert conduct_of([a_trade(40), a_trade(20, 1, **second)]).two_sided == Decimal(two_sided)


def test_other_leaders_trades_are_neither_seen_nor_followed() -> None:
    profile = TraderProfile(LEADER)

    passed = list(only_leader([a_trade(10), a_trade(99, 1, leader=OTHER)], LEADER, profile))

    assert (len(passed), profile.trades, profile.volume) == (1, 1, 10 * USD)


def test_a_market_maker_trades_both_sides_and_often() -> None:
    often = [a_trade(1, n, side="BUY" if n % 2 else "SELL") for n in range(RESTLESS)]

    assert conduct_of(often).makes_markets
    assert not conduct_of(often[:-1]).makes_markets
    assert not conduct_of([a_trade(1, n) for n in range(RESTLESS)]).makes_markets


@pytest.mark.parametrize(
    ("runs", "word"),
    [
        ((GAIN, GAIN, GAIN), "it paid"),
        ((GAIN, GAIN, UNSURE), "only fast"),
        ((GAIN, LOSS, LOSS), "only fast"),
        ((LOSS, LOSS, GAIN), "no"),
        ((UNSURE, LOSS, LOSS), "cannot tell"),
        ((GAIN[:5], GAIN[:5], GAIN[:5]), "cannot tell"),
    ],
)
def test_the_verdict_follows_from_all_delays(runs: tuple[list[int], ...], word: str) -> None:
    found = assess_copyability(copied(*runs), conduct_of([a_trade(10)]))

    assert found.word == word
    assert "promises nothing" in found.reasons[-1]


def test_a_market_maker_is_not_to_be_copied_whatever_it_would_have_brought() -> None:
    maker = conduct_of([a_trade(1, n, side="BUY" if n % 2 else "SELL") for n in range(RESTLESS)])

    found = assess_copyability(copied(GAIN, GAIN, GAIN), maker)

    assert found.word == "no"
    assert "100% of its volume" in found.reasons[0]


def test_figures_hold_amounts_as_text() -> None:
    found = copyability_json(copied(GAIN, LOSS), conduct_of([a_trade(10)]))

    assert found["delays"][0]["pnl"] == "40.000000"
    assert found["delays"][1]["verdict"] == "lost"
    assert found["conduct"]["volume"] == "10.000000"
