"""Signals that were read together: one round trip reserves them, and they come to what they come to one by one."""

import threading
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from buyer.execution.batches.entry_batch import ORDERS_AT_ONCE
from ops.operator import controls
from shared.domain.errors import OutcomeUnknown, Unavailable
from shared.domain.ledger_write import Answer, LedgerWrite, Result
from shared.domain.market import Book, MarketFacts
from shared.ledger.gated_commit import GateTurns
from shared.messages.base import SIGNALS
from shared.messages.decisions import Order, Outcome
from shared.messages.signals import ActionableSignal
from shared.redis.streams import publish_event
from tests.amounts import D
from tests.buyer.builders import a_signal, some_limits
from tests.buyer.consumer_rig import Feed, Rig, a_hash
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.server


class Together(Rig):
    """A buyer whose ledger remembers how many steps went out in each round trip, and what was placed by then."""

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(url, **more)
        self.sent: list[list[str]] = []
        self.placed_before: list[int] = []
        self.without_intent: list[str] = []
        self.venue.before = self.look
        each = self.ledger.commit_each

        def watched(writes: list[LedgerWrite], turns: list[GateTurns | None]) -> list[Answer]:
            self.sent.append([write.id.partition(":")[0] for write in writes])
            self.placed_before.append(len(self.venue.placed))
            return each(writes, turns)

        self.ledger.commit_each = watched  # type: ignore[method-assign]  # counted on its way

    def look(self, order: Order) -> None:
        """Note an order that goes out before the server has its intent; asked from outside."""
        if not self.redis.hexists("hs:paper:intents", order.signal_id):
            self.without_intent.append(order.signal_id)

    def told(self) -> list[tuple[str, str, str]]:
        return [(one.signal_id, one.verdict, one.reason) for one in self.decisions()]


class EveryToken(Feed):
    """Prices of a market of its own for each token."""

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        facts, problem = super().facts(token_id)
        return facts and replace(
            facts, token_id=token_id, condition_id=f"0x{token_id:0>64.64}", event_id=token_id
        ), problem

    def book(self, token_id: str) -> tuple[Book | None, str]:
        book, problem = super().book(token_id)
        return book and Book.of(token_id, book.at_ms, list(book.bids), list(book.asks)), problem


def buys(count: int, first: int = 1, **more: Any) -> list[ActionableSignal]:
    return [a_signal(tx_hash=a_hash(first + number), **more) for number in range(count)]


def publish(rig: Rig, *signals: ActionableSignal) -> None:
    for signal in signals:
        publish_event(rig.redis, SIGNALS, signal)


def decided(rig: Rig, count: int) -> bool:
    return len(rig.decisions()) == count and rig.settled()


def test_signals_read_together_are_reserved_in_one_round_trip_before_any_order_goes_out(valkey_url: str) -> None:
    rig = Together(valkey_url)
    publish(rig, *buys(3))

    rig.run_until(lambda: decided(rig, 3))

    assert rig.sent[0] == ["intent"] * 3
    assert rig.placed_before[0] == 0
    assert ["decision"] * 3 in rig.sent
    assert len(rig.venue.placed) == 3


def test_skips_are_written_and_acknowledged_together(valkey_url: str) -> None:
    rig = Together(valkey_url)
    publish(rig, *buys(5, side="SELL"))

    rig.run_until(lambda: decided(rig, 5))

    assert rig.sent[0] == ["decision"] * 5
    assert {one.verdict for one in rig.decisions()} == {"SKIP"}


@pytest.mark.pitfall(19)
def test_a_cap_that_the_first_of_them_fills_stops_the_next_one(valkey_url: str) -> None:
    rig = Together(valkey_url, limits=some_limits(max_market_usdc=D(12)))
    publish(rig, *buys(4))

    rig.run_until(lambda: decided(rig, 4))

    assert [one.verdict for one in rig.decisions()].count("BUY") == len(rig.venue.placed) == 2
    assert rig.ledger.accounts().values["total"] <= D(12)


def test_one_signal_twice_among_them_is_one_order(valkey_url: str) -> None:
    rig = Together(valkey_url)
    first, second = buys(2)
    publish(rig, first, first, second)

    rig.run_until(lambda: decided(rig, 2))

    assert len(rig.venue.placed) == 2


@pytest.mark.pitfall(45)
def test_a_sell_among_them_waits_for_the_order_of_its_token_and_sells_what_that_bought(valkey_url: str) -> None:
    rig = Together(valkey_url)
    (buy,), (sell,) = buys(1), buys(1, first=2, side="SELL")
    publish(rig, buy, sell)

    rig.run_until(lambda: decided(rig, 2))

    assert [order.side for order in rig.venue.placed] == ["BUY", "SELL"]


@pytest.mark.pitfall(24)
def test_a_control_turned_after_they_were_judged_stops_all_of_them(valkey_url: str) -> None:
    rig = Together(valkey_url)
    publish(rig, *buys(3))
    each, turned = rig.ledger.commit_each, list[bool]()

    def late(writes: list[LedgerWrite], turns: list[GateTurns | None]) -> list[Answer]:
        if not turned:
            turned.append(controls.pause_buys(rig.redis, "paper", "fees went up", rig.clock))
        return each(writes, turns)

    rig.ledger.commit_each = late  # type: ignore[method-assign]  # somebody pauses right before it

    rig.run_until(lambda: decided(rig, 3))

    assert {(one.verdict, one.reason) for one in rig.decisions()} == {("SKIP", "not_paused")}
    assert rig.venue.placed == []


def test_one_whose_order_may_stand_keeps_its_place_and_the_others_go_on(valkey_url: str) -> None:
    rig = Together(valkey_url)
    rig.venue.unknown = 1
    publish(rig, *buys(3))

    rig.run_until(lambda: len(rig.decisions()) >= 2)

    assert len(rig.journal.open_intents()) <= 1
    assert len({order.signal_id for order in rig.venue.placed}) == 3


@pytest.mark.pitfall(24)
def test_no_more_are_reserved_at_once_than_can_go_out_at_once_so_a_control_stops_the_others(valkey_url: str) -> None:
    rig = Together(valkey_url, limits=some_limits(max_market_usdc=D(500)))

    def pause(_: Order) -> None:
        controls.pause_buys(rig.redis, "paper", "enough", rig.clock)

    rig.venue.before = pause
    publish(rig, *buys(ORDERS_AT_ONCE + 4))

    rig.run_until(lambda: decided(rig, ORDERS_AT_ONCE + 4))

    assert rig.sent[0] == ["intent"] * ORDERS_AT_ONCE
    assert len(rig.venue.placed) == ORDERS_AT_ONCE


@pytest.mark.pitfall(50)
@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("late", [True, False])
def test_what_no_replica_has_confirmed_is_not_sent_neither_at_once_nor_by_the_recovery(
    valkey_url: str, lanes: int, *, late: bool
) -> None:
    rig = Together(valkey_url, lanes=lanes)
    publish(rig, *buys(2))
    commit, each, looks = rig.ledger.commit, rig.ledger.commit_each, list[bool]()

    def unconfirmed(writes: list[LedgerWrite], turns: list[GateTurns | None]) -> list[Answer]:
        for answer in each(writes, turns):
            answer()
        if not late:
            unheard()
        return [unheard for _ in writes]

    def unheard() -> Result:
        raise Unavailable("no replica confirmed")

    def unconfirmed_one(write: LedgerWrite) -> Result:
        result = commit(write)
        if write.id.startswith("intent:"):
            looks.append(True)
            raise Unavailable("no replica confirmed")
        return result

    rig.ledger.commit_each = unconfirmed  # type: ignore[method-assign]  # written on the primary alone
    rig.ledger.commit = unconfirmed_one  # type: ignore[method-assign]
    rig.run_until(lambda: len(looks) > 2)
    assert rig.venue.placed == []

    rig.ledger.commit_each, rig.ledger.commit = each, commit  # type: ignore[method-assign]
    rig.run_until(lambda: decided(rig, 2))
    assert len(rig.venue.placed) == 2


KINDS = st.tuples(st.sampled_from(["BUY", "BUY", "SELL"]), st.sampled_from(["a1", "b2"]), st.integers(1, 6))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(KINDS, min_size=2, max_size=12))
def test_together_they_come_to_what_they_come_to_one_by_one(valkey_url: str, kinds: list[tuple[Any, str, int]]) -> None:
    limits = some_limits(max_market_usdc=D(20), max_leader_usdc=D(12), mirror_sells="full")
    signals = [
        a_signal(tx_hash=a_hash(number), side=side, leader="0x" + digits * 20)
        for number, (side, digits, _) in enumerate(kinds, start=1)
    ]

    def session(*, one_by_one: bool) -> tuple[list[tuple[str, str, str]], dict[str, int]]:
        rig = Together(valkey_url, limits=limits)
        rig.redis.flushdb()
        groups = [[signal] for signal in signals] if one_by_one else [signals]
        count = 0
        for group in groups:
            publish(rig, *group)
            count += len(group)
            rig.run_until(lambda count=count: decided(rig, count))
        return sorted(rig.told()), rig.ledger.accounts().values

    together, alone = session(one_by_one=False), session(one_by_one=True)

    assert together[0] == alone[0]
    assert together[1] == alone[1]


@pytest.mark.pitfall(19)
def test_one_that_was_decided_before_counts_once_for_those_behind_it(valkey_url: str) -> None:
    rig = Together(valkey_url, limits=some_limits(max_leader_usdc=D(12)), prices=EveryToken())
    (before,), (behind,) = buys(1), buys(1, first=2, token_id="456")
    publish(rig, before)
    rig.run_until(lambda: decided(rig, 1))

    publish(rig, before, behind)
    rig.run_until(lambda: decided(rig, 2))

    assert rig.told()[-1] == (behind.id, "BUY", "all rules passed")
    assert len(rig.venue.placed) == 2


@pytest.mark.parametrize("again", [1, 2])
def test_a_trade_too_small_that_comes_again_is_gathered_once(valkey_url: str, again: int) -> None:
    limits = some_limits(min_leader_usdc=D(100), gather_window_s=600, max_over_fair_pct=D(20))
    rig = Together(valkey_url, limits=limits)
    first, second = buys(2, shares=D(12), usdc=D(6))
    publish(rig, first)
    if again == 1:
        rig.run_until(lambda: decided(rig, 1))

    publish(rig, first, second)
    rig.run_until(lambda: decided(rig, 2))

    assert {(one.verdict, one.reason) for one in rig.decisions()} == {("SKIP", "gathered")}
    assert [one.gathered.usdc for one in rig.decisions() if one.gathered] == [D(6), D(12)]


LANES = 8
OUTCOMES = st.lists(st.sampled_from(["fills", "fills", "unknown"]), min_size=40, max_size=40)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(KINDS, min_size=20, max_size=40), OUTCOMES)
def test_side_by_side_no_limit_is_passed_no_order_doubled_and_none_goes_out_without_its_intent(
    valkey_url: str, kinds: list[tuple[Any, str, int]], outcomes: list[str]
) -> None:
    most = D(30)
    rig = Together(valkey_url, limits=some_limits(max_market_usdc=most, mirror_sells="full"), lanes=LANES)
    rig.redis.flushdb()
    left, place = list(outcomes), rig.venue.place

    def placed(order: Order, facts: MarketFacts, prepared: str = "") -> Outcome:
        outcome = place(order, facts, prepared)
        exposure.append(rig.ledger.accounts().values.get("total", 0))
        if left.pop() == "unknown":
            raise OutcomeUnknown("its answer was lost")
        return outcome

    exposure = list[int]()
    rig.venue.place = placed  # type: ignore[method-assign]  # some answers are lost
    publish(
        rig,
        *(
            a_signal(tx_hash=a_hash(number), side=side, leader="0x" + digits * 20)
            for number, (side, digits, _) in enumerate(kinds, start=1)
        ),
    )

    turns = iter(range(12))
    rig.run_until(lambda: decided(rig, len(kinds)) or next(turns, None) is None)
    rig.service.close()

    buys_placed = Counter(order.signal_id for order in rig.venue.placed)
    unknown = set(rig.journal.open_intents())
    assert max(exposure, default=0) <= most
    assert not rig.without_intent
    assert not [name for name, count in buys_placed.items() if count > 1 and name not in unknown]
    assert len({one.signal_id for one in rig.decisions()}) == len(rig.decisions())


@pytest.mark.pitfall(33)
def test_once_an_order_may_stand_no_other_buy_of_its_token_goes_out_beside_it(valkey_url: str) -> None:
    rig = Together(valkey_url, limits=some_limits(max_market_usdc=D(500)), lanes=4)
    rig.venue.unknown = 1
    publish(rig, *buys(40))

    rig.run_until(lambda: len(rig.decisions()) >= 1)
    rig.service.close()

    assert len(rig.venue.placed) <= 4 + ORDERS_AT_ONCE


def test_the_next_intents_go_out_while_the_orders_before_them_wait_for_their_answers(valkey_url: str) -> None:
    rig = Together(valkey_url, limits=some_limits(max_market_usdc=D(500)), lanes=2 * ORDERS_AT_ONCE)
    both = threading.Event()

    def wait(_: Order) -> None:
        if sum(step == "intent" for steps in rig.sent for step in steps) > ORDERS_AT_ONCE:
            both.set()
        assert both.wait(PATIENCE_S), "nothing was written while orders were out"

    rig.venue.before = wait
    publish(rig, *buys(2 * ORDERS_AT_ONCE))

    rig.run_until(lambda: decided(rig, 2 * ORDERS_AT_ONCE))
    rig.service.close()

    assert len(rig.venue.placed) > ORDERS_AT_ONCE


def test_a_step_that_fails_names_its_own_signal_and_the_others_end(valkey_url: str) -> None:
    rig = Together(valkey_url, limits=some_limits(max_market_usdc=D(500)), lanes=4)
    culprit, *others = buys(8)
    fails = iter(range(3))

    def crash(order: Order) -> None:
        if order.signal_id == culprit.id and next(fails, None) is not None:
            raise ValueError("nobody thought of this")

    rig.venue.before = crash
    publish(rig, culprit, *others)

    rig.run_until(lambda: decided(rig, 1 + len(others)))
    rig.service.close()

    assert {one.id for one in others} <= {one.signal_id for one in rig.decisions()}
    assert max(Counter(order.signal_id for order in rig.venue.placed).values()) == 1
