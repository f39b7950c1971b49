"""A trade seen before its block: followed, followed in part, or waited for; retracted, it leaves nothing behind."""

from typing import Any, Literal

import pytest
from msgspec.structs import replace

from buyer.config import parse_args
from buyer.strategy.limits import TradingLimits
from shared.domain.ledger_accounts import behind_account
from shared.messages.base import completed_id, fact_id
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal, FillConfirmed, SeenBy
from tests.amounts import D
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_retraction, a_signal, some_limits
from tests.buyer.recovery.test_retractions import Life

Way = Literal["follow", "part", "wait"]
SEEN = (SeenBy(source="pending", seen_at_ms=NOW_MS - 2000, lag_ms=0),)


def a_pending(**changes: Any) -> ActionableSignal:
    """Build a leader's buy that was seen before its block."""
    return a_signal(pending=True, seen_by=SEEN, traded_at_ms=NOW_MS - 2000, **changes)


def confirmed(signal: ActionableSignal, lead_ms: int = 1500) -> FillConfirmed:
    """Build the word that a pending signal is in a block."""
    at_ms = signal.seen_at_ms + lead_ms
    whole = replace(signal, id=completed_id(signal.id), pending=None, completes=signal.id)
    return FillConfirmed(
        id=fact_id("confirmed", signal.id, "chain_logs"),
        emitted_at_ms=at_ms,
        signal_id=signal.id,
        leader=signal.leader,
        tx_hash=signal.tx_hash,
        token_id=signal.token_id,
        side=signal.side,
        source="chain_logs",
        seen_at_ms=at_ms,
        lag_ms=300,
        behind_first_ms=lead_ms,
        first_source="pending",
        signal=whole,
    )


def limits_for(way: Way, **more: Any) -> TradingLimits:
    return some_limits(on_pending=way, **more)


def bought(life: Life) -> list[tuple[str, str]]:
    return [(decision.verdict, decision.reason) for decision in life.decisions()]


def stake(decision: BuyEngineDecision) -> str:
    return next(rule.value for rule in decision.rules if rule.rule == "stake")


@pytest.mark.server
def test_a_followed_one_is_bought_once_and_its_confirmation_changes_nothing(valkey_url: str) -> None:
    life, signal = Life(valkey_url, limits=limits_for("follow")), a_pending()

    life.tell(signal)
    held = life.held
    life.tell(confirmed(signal))

    assert held > 0
    assert (life.held, len(life.decisions())) == (held, 1)


@pytest.mark.server
def test_one_that_is_waited_for_is_bought_when_it_is_confirmed_and_says_why(valkey_url: str) -> None:
    life, signal = Life(valkey_url, limits=limits_for("wait")), a_pending()

    life.tell(signal)
    assert (life.held, bought(life)) == (0, [("SKIP", "block_seen")])
    life.tell(confirmed(signal))
    life.tell(confirmed(signal))

    first, second = life.decisions()
    assert (second.verdict, second.signal_id) == ("BUY", completed_id(signal.id))
    seen = [(rule.value, rule.limit) for each in (first, second) for rule in each.rules if rule.rule == "block_seen"]
    assert seen == [("pending", "wait"), ("in a block", "wait")]
    assert life.held > 0


@pytest.mark.server
def test_the_two_parts_of_a_stake_add_up_and_the_leaders_shares_count_once(valkey_url: str) -> None:
    limits = limits_for("part", stake_usdc=D(20), pending_pct=D(30), stake_window_s=60, max_stake_usdc=D(20))
    life, signal = Life(valkey_url, limits=limits), a_pending()

    life.tell(signal)
    early = life.held
    life.tell(confirmed(signal))

    first, second = life.decisions()
    assert [(each.verdict, stake(each)) for each in (first, second)] == [("BUY", "6 (fixed)"), ("BUY", "14 (fixed)")]
    assert 0 < early < life.held
    behind = behind_account(LEADER, TOKEN)
    assert life.ledger.read((behind,)).values[behind] == signal.shares


@pytest.mark.server
@pytest.mark.parametrize("way", ["follow", "part"])
def test_what_was_bought_before_its_block_is_sold_again_when_it_is_taken_back(valkey_url: str, way: Way) -> None:
    life, signal = Life(valkey_url, limits=limits_for(way, stake_usdc=D(20), max_stake_usdc=D(20))), a_pending()
    life.tell(signal)
    assert life.held > 0

    life.tell(a_retraction(signal))
    life.clock.advance(2)
    life.run_until(lambda: life.task is None)

    assert life.held == 0


@pytest.mark.server
def test_both_parts_are_sold_when_a_confirmed_one_is_taken_back(valkey_url: str) -> None:
    life, signal = Life(valkey_url, limits=limits_for("part", stake_usdc=D(20), max_stake_usdc=D(20))), a_pending()
    life.tell(signal)
    life.tell(confirmed(signal))

    life.tell(a_retraction(signal))
    life.clock.advance(2)
    life.run_until(lambda: life.task is None)

    assert life.held == 0


@pytest.mark.server
def test_a_restart_between_the_two_goes_on_with_the_rest(valkey_url: str) -> None:
    limits = limits_for("part", stake_usdc=D(20), max_stake_usdc=D(20))
    life, signal = Life(valkey_url, limits=limits), a_pending()
    life.tell(signal)

    again = Life(valkey_url, limits=limits)
    again.tell(confirmed(signal))

    assert [decision.signal_id for decision in again.decisions()] == [signal.id, completed_id(signal.id)]


@pytest.mark.parametrize(
    ("words", "way"),
    [((), "follow"), (("--on-pending", "part"), "part"), (("--live", "--no-dry-run"), "wait")],
    ids=["paper", "chosen", "live"],
)
def test_paper_follows_by_default_and_real_money_waits(words: tuple[str, ...], way: Way) -> None:
    settings = parse_args(list(words))

    assert (settings.on_pending, settings.limits.on_pending) == (way, way)
    assert settings.published()["on_pending"] == way
