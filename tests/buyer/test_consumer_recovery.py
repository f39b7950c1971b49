"""A buyer that comes back finishes what is open first; Redis away or emptied loses and doubles nothing."""

import queue
from collections.abc import Iterator

import pytest

from ops.operator import controls
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared import logs
from shared.domain.errors import Unavailable
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.decisions import OrderUpdate
from shared.redis.streams import publish_event
from tests.buyer.builders import a_signal
from tests.buyer.consumer_rig import Rig, a_hash

pytestmark = pytest.mark.server


@pytest.mark.pitfall(31)
def test_redis_away_between_intent_and_outcome_loses_and_doubles_nothing(redis_server: EmbeddedRedis) -> None:
    rig = Rig(redis_server.url)
    publish_event(rig.redis, SIGNALS, a_signal())
    killed: list[int] = []

    def kill_once(_: object) -> None:
        if not killed:
            killed.append(1)
            redis_server.kill()

    rig.venue.before = kill_once

    def done() -> bool:
        if killed and redis_server.pid is None:
            redis_server.restart()
            return False
        try:
            return len(rig.decisions()) == 1 and rig.settled()
        except Unavailable:
            return False

    rig.run_until(done)

    assert rig.venue.placed[0] == rig.venue.placed[-1]
    states = [event.state for event in rig.events(DECISIONS) if isinstance(event, OrderUpdate)]
    assert states == ["INTENT", "MATCHED"]
    assert RedisLedger(rig.redis, "paper").accounts().values["cash"] == 1_000_000_000 - 4_997_200


def test_a_restart_finishes_an_open_intent_before_anything_new(valkey_url: str) -> None:
    before = Rig(valkey_url)
    before.lease.try_acquire()
    before.journal.deposit(1_000_000_000)
    before.venue.unknown = 1
    with pytest.raises(Exception, match="may stand"):
        before.engine.process_actionable(a_signal(tx_hash=a_hash(1)))

    rig = Rig(valkey_url)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))
    rig.run_until(lambda: len(rig.decisions()) == 2)

    assert [order.signal_id for order in rig.venue.placed] == [decision.signal_id for decision in rig.decisions()]
    assert rig.venue.placed[0] == before.venue.placed[0]


def test_the_bankroll_is_deposited_once_over_restarts(valkey_url: str) -> None:
    for _ in range(3):
        Rig(valkey_url).run_until(lambda: True)
    rig = Rig(valkey_url)
    rig.lease.try_acquire()
    rig.journal.deposit(1_000_000_000)
    rig.journal.deposit(1_000_000_000)

    assert RedisLedger(rig.redis, "paper").accounts().values == {"cash": 1_000_000_000, "deposited": 1_000_000_000}


@pytest.mark.pitfall(31)
def test_redis_away_at_the_start_is_waited_for_and_the_start_is_made_again(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    deposit, failures = rig.journal.deposit, [1, 1]

    def away_twice(amount: int) -> None:
        if failures:
            failures.pop()
            raise Unavailable("away")
        deposit(amount)

    rig.journal.deposit = away_twice  # type: ignore[method-assign]  # the server comes back at the third try
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 1)

    assert rig.decisions()[0].verdict == "BUY"


@pytest.mark.pitfall(20)
def test_an_interrupted_order_is_finished_before_anything_new(valkey_url: str) -> None:
    rig = Rig(valkey_url, inbox=queue.Queue())
    rig.venue.unknown = 1
    for number in (1, 2):
        publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(number)))
        rig.service.submit(a_signal(tx_hash=a_hash(number)))

    def both_in_time() -> bool:
        rig.clock.advance(0.1)
        return len(rig.decisions()) == 2

    rig.run_until(both_in_time)

    first, again, second = rig.venue.placed
    assert (first, again.signal_id) == (again, rig.decisions()[0].signal_id)
    assert second.signal_id == rig.decisions()[1].signal_id


def test_an_intent_nobody_can_read_stays_reserved_and_does_not_keep_the_buyer_from_starting(
    valkey_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure_logs(level="error", form="json")
    rig = Rig(valkey_url)
    rig.redis.hset("hs:paper:intents", "old", "{}")  # pyright: ignore[reportUnknownMemberType] - redis-py's sync/async union
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 1 and rig.settled())

    assert rig.decisions()[0].verdict == "BUY"
    assert rig.journal.open_intents() == {"old": "{}"}
    assert "`hybrid reconcile --mode paper --close old --why ...`" in capsys.readouterr().err


@pytest.mark.pitfall(31)
@pytest.mark.parametrize("by_callback", [False, True])
def test_an_emptied_server_stops_all_buying_until_somebody_resumes(valkey_url: str, *, by_callback: bool) -> None:
    rig = Rig(valkey_url, inbox=queue.Queue())

    def story() -> Iterator[bool]:
        publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
        while len(rig.decisions()) < 1:
            yield False
        rig.redis.flushall()
        if by_callback:
            rig.service.submit(a_signal(tx_hash=a_hash(2)))
        while not rig.journal.stop_reason("", "BUY"):
            yield False
        publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))
        while len(rig.decisions()) < 1:
            yield False
        assert controls.resume(rig.redis, "paper", "checked", rig.clock)
        publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(3)))
        while len(rig.decisions()) < 2:
            yield False

    told = story()
    rig.run_until(lambda: next(told, True))

    assert [decision.reason for decision in rig.decisions()] == ["kill_switch", "all rules passed"]
    assert rig.journal.open_intents() == {}
