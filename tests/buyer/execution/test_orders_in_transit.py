"""Paper orders on their way side by side: quick, in order, each once whatever happens meanwhile."""

import queue
from functools import partial

import pytest

from buyer.execution.order_transit import MOST_UNDER_WAY, OrderTransit
from ops.operator import controls
from shared.clock import ManualClock, SystemClock
from shared.domain.errors import Malformed, OutcomeUnknown, Unavailable
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.decisions import Order
from shared.messages.events import write_event
from shared.messages.signals import ActionableSignal
from tests.amounts import D
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, a_signal
from tests.buyer.consumer_rig import a_hash
from tests.buyer.execution.transit_rig import FIRST, LATENCY_S, Travel, bought
from tests.buyer.test_stdin_consumer import take_lines


@pytest.mark.server
@pytest.mark.parametrize("tokens", [1, 7, 30])
def test_thirty_signals_at_once_are_all_decided_after_one_latency(valkey_url: str, tokens: int) -> None:
    clock = ManualClock(NOW_MS)
    rig = Travel(valkey_url, clock)
    sent = [rig.say(number, token=str(number % tokens + 1)) for number in range(30)]

    rig.run_until(lambda: len(rig.journal.open_intents()) == 30)
    clock.advance(LATENCY_S)
    rig.run_until(lambda: len(rig.decisions()) == 30)

    assert clock.now_ms() == NOW_MS + LATENCY_S * 1000, "one after the other they would have taken 9 s"
    assert [decision.signal_id for decision in bought(rig)] == [signal.id for signal in sent]
    assert rig.settled()
    for decision in bought(rig):
        assert decision.outcome is not None
        assert decision.outcome.book is not None
        assert decision.outcome.book.at_ms - decision.inputs.now_ms == LATENCY_S * 1000


@pytest.mark.server
@pytest.mark.pitfall(44)
def test_pieces_that_come_while_the_first_ones_order_travels_are_not_staked_on(valkey_url: str) -> None:
    rig = Travel(valkey_url, ManualClock(NOW_MS), stake_window_s=60)
    for number in range(30):
        rig.say(number)

    rig.run_until(lambda: len(rig.decisions()) == 29)

    assert {decision.reason for decision in rig.decisions()} == {"stake_window"}
    assert len(rig.journal.open_intents()) == 1


@pytest.mark.server
def test_each_order_meets_the_book_that_stands_when_it_arrives(valkey_url: str) -> None:
    clock = ManualClock(NOW_MS)
    rig = Travel(valkey_url, clock)
    for number in range(3):
        rig.say(number, token=str(number))
        rig.run_until(lambda number=number: len(rig.journal.open_intents()) == number + 1)
        clock.advance(0.1)

    for number in range(3):
        rig.run_until(lambda number=number: len(rig.decisions()) == number + 1)
        clock.advance(0.1)

    books = [decision.outcome.book for decision in rig.decisions() if decision.outcome]
    assert [book.at_ms - NOW_MS for book in books if book] == [300, 400, 500]


@pytest.mark.server
def test_a_sell_waits_for_the_buy_before_it_and_is_overtaken_by_nothing_of_its_token(valkey_url: str) -> None:
    rig = Travel(valkey_url, SystemClock())
    sides = ("BUY", "BUY", "SELL", "BUY")
    ours = [rig.say(number, side=side) for number, side in enumerate(sides)]
    other = rig.say(9, token="2")

    rig.run_for_real(lambda: len(rig.decisions()) == 5)

    made = [decision for decision in rig.decisions() if decision.token_id == FIRST]
    assert [(one.signal_id, one.verdict) for one in made] == [
        (signal.id, side) for signal, side in zip(ours, sides, strict=True)
    ]
    assert rig.arrivals.index(other.id) <= 2, "another token's order does not wait"
    filled = [one.outcome.shares for one in made if one.outcome is not None]
    assert filled[2] == filled[0] + filled[1]


@pytest.mark.server
def test_a_kill_with_several_orders_on_their_way_recovers_each_once(valkey_url: str) -> None:
    clock = ManualClock(NOW_MS)
    first = Travel(valkey_url, clock)
    sent = [first.say(number, token=str(number)) for number in range(5)]
    first.run_until(lambda: len(first.journal.open_intents()) == 5)
    assert first.decisions() == []

    again = Travel(valkey_url, clock)
    again.lease.token = first.lease.token
    again.run_until(again.settled)

    assert sorted(decision.signal_id for decision in again.decisions()) == sorted(signal.id for signal in sent)
    assert again.journal.open_intents() == {}
    assert clock.now_ms() - NOW_MS < 2 * LATENCY_S * 1000, "they wait side by side after a crash as well"
    cash = RedisLedger(again.redis, "paper").accounts().values["cash"]
    assert cash == 1_000_000_000 - sum(lot.cost for lot in open_lots(RedisLedger(again.redis, "paper")))


@pytest.mark.server
def test_the_kill_switch_stops_what_has_not_left_and_at_a_restart_what_is_on_its_way(valkey_url: str) -> None:
    clock = ManualClock(NOW_MS)
    first = Travel(valkey_url, clock)
    first.say(1)
    first.run_until(lambda: len(first.journal.open_intents()) == 1)
    controls.kill(first.redis, "paper", "a test", clock)
    first.say(2, token="2")

    again = Travel(valkey_url, clock)
    again.lease.token = first.lease.token
    again.run_until(again.settled)

    verdicts = [(made.verdict, made.outcome.state if made.outcome else made.reason) for made in again.decisions()]
    assert verdicts == [("BUY", "CANCELLED"), ("SKIP", "kill_switch")]


@pytest.mark.server
@pytest.mark.parametrize("error", [Unavailable("away"), OutcomeUnknown("?"), Malformed("no"), ZeroDivisionError("bug")])
def test_an_order_that_fails_when_it_arrives_is_finished_from_its_intent_and_so_are_all_others(
    valkey_url: str, error: Exception
) -> None:
    rig = Travel(valkey_url, ManualClock(NOW_MS))
    sent = [rig.say(number, token=str(number)) for number in range(4)]
    rig.run_until(lambda: len(rig.journal.open_intents()) == 4)
    rig.failures.append(error)
    rig.clock.advance(LATENCY_S)

    rig.run_until(rig.settled)

    assert sorted(decision.signal_id for decision in rig.decisions()) == sorted(signal.id for signal in sent)
    assert all(made.outcome and made.outcome.state == "MATCHED" for made in rig.decisions())
    assert rig.journal.open_intents() == {}


@pytest.mark.server
def test_orders_that_an_emptied_server_forgot_are_not_booked(valkey_url: str) -> None:
    rig = Travel(valkey_url, ManualClock(NOW_MS))
    for number in range(3):
        rig.say(number, token=str(number))
    rig.run_until(lambda: len(rig.journal.open_intents()) == 3)

    rig.redis.flushall()
    rig.clock.advance(LATENCY_S)
    rig.run_until(lambda: "cash" in RedisLedger(rig.redis, "paper").accounts().values)
    rig.say(9)
    rig.run_until(lambda: bool(rig.decisions()))

    assert [decision.reason for decision in rig.decisions()] == ["kill_switch"]
    assert RedisLedger(rig.redis, "paper").accounts().values["cash"] == 1_000_000_000
    assert open_lots(RedisLedger(rig.redis, "paper")) == []


@pytest.mark.server
def test_a_signal_of_the_same_process_and_of_the_stream_is_decided_once_and_acknowledged(valkey_url: str) -> None:
    inbox: queue.Queue[ActionableSignal] = queue.Queue(10)
    rig = Travel(valkey_url, SystemClock(), inbox=inbox)
    for number in range(4):
        rig.service.submit(rig.say(number, side="SELL" if number == 2 else "BUY"))

    rig.run_for_real(lambda: len(rig.decisions()) == 4 and rig.settled())

    assert [decision.verdict for decision in rig.decisions()] == ["BUY", "BUY", "SELL", "BUY"]


@pytest.mark.server
def test_a_pipe_that_ends_lets_its_orders_arrive(valkey_url: str) -> None:
    rig = Travel(valkey_url, SystemClock())
    now_ms = SystemClock().now_ms()
    signals = [
        a_signal(tx_hash=a_hash(number), token_id="1", side=side, traded_at_ms=now_ms)
        for number, side in enumerate(("BUY", "SELL", "BUY"))
    ]

    take_lines(rig.service, rig.lease, *map(write_event, signals))

    assert [decision.verdict for decision in rig.decisions()] == ["BUY", "SELL", "BUY"]
    assert rig.journal.open_intents() == {}


def test_orders_under_way_are_bounded_and_arrive_in_the_order_in_which_they_left() -> None:
    clock, arrived = ManualClock(NOW_MS), list[int]()
    transit = OrderTransit(clock=clock, latency_s=LATENCY_S)
    order = Order(
        id="o",
        signal_id="s",
        token_id="1",
        condition_id=CONDITION,
        leader=LEADER,
        side="BUY",
        shares=D(5),
        limit_price=D("0.5"),
        budget=D(3),
    )

    def arrive(number: int) -> None:
        arrived.append(number)

    for number in range(MOST_UNDER_WAY):
        assert not transit.full
        transit.send(order, partial(arrive, number))
        clock.advance(0.001)

    assert transit.full
    assert transit.rest_s(60) == pytest.approx(LATENCY_S - MOST_UNDER_WAY / 1000, abs=0.001)
    assert not transit.land(list)
    clock.advance(transit.rest_s(60) + 0.001)
    assert transit.land(list)
    assert arrived == [0, 1][: len(arrived)]
    clock.advance(LATENCY_S)
    assert transit.land(list)
    assert arrived == list(range(MOST_UNDER_WAY))
    assert not transit.land(list)
    assert transit.rest_s(60) == 60
