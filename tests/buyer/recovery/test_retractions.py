"""A leader's trade that is in no block any more: not followed, or sold again (pitfall 48)."""

from typing import Any

import pytest
from msgspec.structs import replace

from buyer.execution.buy_gate import RETRACTED
from buyer.execution.exit_manager import ExitManager
from buyer.strategy.exit_policy import retracted_exit
from buyer.strategy.limits import TradingLimits
from shared.domain.ledger_accounts import lot_key, shares_account
from shared.domain.money import Shares
from shared.messages.base import SIGNALS
from shared.messages.decisions import ExitTask
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted
from shared.redis.streams import publish_event
from tests.amounts import D
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_retraction, a_signal, some_limits
from tests.buyer.consumer_rig import Rig, a_hash
from tests.buyer.test_consumer_waiting_buys import Away, gated_rig

pytestmark = [pytest.mark.server, pytest.mark.pitfall(48)]


class Life(Rig):
    """A buyer that works on exits too."""

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(url, **more)
        limits: TradingLimits = more.get("limits") or some_limits()
        self.service._exits = ExitManager(self.engine, self.exits, self.prices, clock=self.clock, limits=limits)

    def tell(self, *events: ActionableSignal | FillConfirmed | FillRetracted) -> None:
        for event in events:
            publish_event(self.redis, SIGNALS, event)
        self.run_until(self.settled)

    @property
    def held(self) -> int:
        account = shares_account(LEADER, TOKEN)
        return self.ledger.read((account,)).values[account]

    @property
    def task(self) -> ExitTask | None:
        return self.exits.read().tasks.get(lot_key(LEADER, TOKEN))


def test_what_was_bought_because_of_it_is_sold_and_the_exit_says_why(valkey_url: str) -> None:
    life, signal = Life(valkey_url), a_signal()
    life.tell(signal)
    assert life.held

    life.tell(a_retraction(signal))
    assert life.task is not None
    assert (life.task.reason, life.task.keep) == ("retracted", 0)
    life.clock.advance(2)
    life.run_until(lambda: life.task is None)

    assert (life.held, life.decisions()[-1].reason) == (0, "exit: retracted")


def test_a_restart_in_between_goes_on(valkey_url: str) -> None:
    life, signal = Life(valkey_url), a_signal()
    life.tell(signal)
    life.tell(a_retraction(signal))

    again = Life(valkey_url)
    again.clock.advance(2)
    again.run_until(lambda: again.task is None)

    assert again.held == 0


def test_only_the_shares_of_its_own_signal_go(valkey_url: str) -> None:
    life, first, second = Life(valkey_url), a_signal(tx_hash=a_hash(1)), a_signal(tx_hash=a_hash(2))
    life.tell(first)
    of_first = life.held
    life.tell(second)

    life.tell(a_retraction(second))

    assert life.task is not None
    assert (life.task.keep, life.held) == (of_first, 2 * of_first)


def test_what_is_too_little_to_sell_does_not_wait_for_what_is_bought_later(valkey_url: str) -> None:
    life, first, second = Life(valkey_url), a_signal(tx_hash=a_hash(1)), a_signal(tx_hash=a_hash(2))
    life.tell(first, second)
    assert life.prices.market is not None
    life.prices.market = replace(life.prices.market, min_shares=D(15))
    held = life.held

    life.tell(a_retraction(second))
    life.clock.advance(2)
    life.run_until(lambda: life.task is None)

    assert life.held == held


def test_a_retraction_that_is_told_twice_is_one_exit(valkey_url: str) -> None:
    life, signal = Life(valkey_url), a_signal()
    life.tell(signal)
    life.tell(a_retraction(signal))
    before = life.task

    life.tell(a_retraction(signal))

    assert before is not None
    assert life.task is not None
    assert (life.task.id, life.task.opened_at_ms) == (before.id, before.opened_at_ms)


def test_the_shares_stay_for_who_wants_to_keep_them(valkey_url: str) -> None:
    life, signal = Life(valkey_url, limits=some_limits(on_retraction="keep")), a_signal()
    life.tell(signal)

    life.tell(a_retraction(signal))

    assert (life.task, life.held > 0) == (None, True)


def test_one_that_is_read_together_with_its_signal_keeps_it_from_being_bought(valkey_url: str) -> None:
    life, signal = Life(valkey_url), a_signal()
    others = [a_signal(tx_hash=a_hash(number)) for number in range(5)]
    for event in (signal, *others, a_retraction(signal)):
        publish_event(life.redis, SIGNALS, event)

    life.run_until(life.settled)

    reasons = {decision.signal_id: decision.reason for decision in life.decisions()}
    assert reasons[signal.id] == RETRACTED
    assert len(life.venue.placed) == len(others)


def test_nothing_is_bought_of_its_lot_in_the_read_that_brings_it(valkey_url: str) -> None:
    life, signal = Life(valkey_url), a_signal()
    beside = a_signal(tx_hash=a_hash(2)), a_signal(tx_hash=a_hash(3))
    life.tell(signal)

    life.tell(a_retraction(signal), *beside)

    assert {one.reason for one in life.decisions() if one.signal_id != signal.id} == {"not_leaving"}
    assert len(life.venue.placed) == 1


@pytest.mark.pitfall(45)
def test_all_that_is_bought_in_one_read_beside_an_exit_that_keeps_a_part_is_kept_too(valkey_url: str) -> None:
    rig, signals = Rig(valkey_url), [a_signal(tx_hash=a_hash(number)) for number in range(1, 5)]
    publish_event(rig.redis, SIGNALS, signals[0])
    rig.run_until(lambda: bool(rig.decisions()) and rig.settled())
    held = rig.venue.placed[0].shares
    rig.exits.open(retracted_exit(a_retraction(signals[0]), held, Shares(held // 2), None, NOW_MS))

    for signal in signals[1:]:
        publish_event(rig.redis, SIGNALS, signal)
    rig.run_until(rig.settled)

    (task,) = rig.exits.read().tasks.values()
    assert len(rig.venue.placed) == len(signals)
    assert task.keep == held - held // 2 + sum(order.shares for order in rig.venue.placed[1:])


@pytest.mark.parametrize("restarted", [False, True])
def test_one_that_comes_while_the_buy_waits_keeps_it_from_being_followed(valkey_url: str, *, restarted: bool) -> None:
    permission, signal = Away(), a_signal(traded_at_ms=NOW_MS - 1000)
    rig = gated_rig(valkey_url, permission)
    publish_event(rig.redis, SIGNALS, signal)
    rig.run_until(lambda: len(rig.service._handler) == 1)
    publish_event(rig.redis, SIGNALS, a_retraction(signal))
    rig.run_until(lambda: len(rig.decisions()) == 1)
    if restarted:
        rig = gated_rig(valkey_url, permission)

    permission.word = ""
    rig.run_until(rig.settled)

    assert ([decision.reason for decision in rig.decisions()], rig.venue.placed) == ([RETRACTED], [])


def test_a_signal_that_was_skipped_sells_nothing(valkey_url: str) -> None:
    life, followed = Life(valkey_url), a_signal(tx_hash=a_hash(1))
    skipped = a_signal(tx_hash=a_hash(2), usdc=D("0.1"), shares=D("0.2"))
    life.tell(followed, skipped)

    life.tell(a_retraction(skipped))

    assert life.task is None


def test_an_exit_that_a_retracted_sell_began_ends(valkey_url: str) -> None:
    life, sell = Life(valkey_url), a_signal(tx_hash=a_hash(2), side="SELL")
    life.tell(a_signal(tx_hash=a_hash(1)))
    book = life.prices.next_book
    assert book is not None
    life.prices.next_book = replace(book, bids=())
    life.tell(sell)
    assert life.task is not None

    life.tell(a_retraction(sell))

    assert (life.task, life.held > 0) == (None, True)


def test_a_live_order_whose_trades_can_still_fail_ends_first(valkey_url: str) -> None:
    life, signal = Life(valkey_url, mode="live"), a_signal()
    life.tell(signal)
    publish_event(life.redis, SIGNALS, a_retraction(signal))
    life.run_until(lambda: len(life.service._handler) == 1)
    assert life.task is None

    life.settle()
    life.run_until(lambda: life.task is not None)

    assert life.task is not None
    assert (life.task.reason, life.task.keep) == ("retracted", 0)
