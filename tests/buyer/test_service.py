"""The buyer as a process part: on a real server, with its group, its lease and its recovery."""

import queue
import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from buyer.engine import Engine, Identity
from buyer.journal import Journal
from buyer.prices import MarketPriceFeed
from buyer.service import GROUP, BuyerService
from ops.embedded_redis import EmbeddedRedis
from shared.broker import connect
from shared.clock import ManualClock
from shared.errors import Unavailable
from shared.events import (
    DEAD,
    DECISIONS,
    SIGNALS,
    ActionableSignal,
    BuyEngineDecision,
    Event,
    HybridProgress,
    OrderUpdate,
    read_event,
)
from shared.lease import Lease
from shared.ledger import RedisLedger, open_lots
from shared.streams import GroupReader, backlog, publish, tail
from tests.buyer.builders import NOW_MS, a_signal, some_limits
from tests.buyer.fakes import FakePrices, FakeVenue

pytestmark = pytest.mark.server


class Feed(FakePrices):
    """Fake prices that remember what was warmed."""

    def __init__(self) -> None:
        super().__init__()
        self.warmed: list[str] = []

    def warm(self, token_ids: tuple[str, ...]) -> None:
        self.warmed += token_ids

    def snapshot(self) -> dict[str, Any]:
        return {}


class Rig:
    """A buyer service on a real server, stepped by hand."""

    def __init__(self, url: str, *, inbox: "queue.Queue[ActionableSignal] | None" = None) -> None:
        self.redis, self.clock = connect(url), ManualClock(NOW_MS)
        self.prices, self.venue = Feed(), FakeVenue()
        self.lease = Lease(self.redis, "buyer:paper", "buyer-0", clock=self.clock)
        self.journal = Journal(RedisLedger(self.redis, "paper"), lambda: self.lease.fence)
        self.engine = Engine(
            journal=self.journal,
            prices=self.prices,
            venue=self.venue,
            clock=self.clock,
            limits=some_limits(),
            identity=Identity("paper", "c", "v"),
            emit=self.decided,
        )
        self.service = BuyerService(
            engine=self.engine,
            journal=self.journal,
            prices=cast("MarketPriceFeed", self.prices),
            lease=self.lease,
            reader=GroupReader(connect(url), SIGNALS, GROUP, "buyer-0", clock=self.clock, block_ms=1),
            clock=self.clock,
            bankroll=1_000_000_000,
            inbox=inbox,
        )

    def decided(self, decision: BuyEngineDecision) -> None:
        self.service.decided(decision)

    def run_until(self, done: Callable[[], bool]) -> None:
        """Run the service until `done`; fail loudly when it never is."""
        stop = threading.Event()
        turns = iter(range(300))

        class Stop(threading.Event):
            def is_set(self) -> bool:
                assert next(turns, None) is not None, "the service never got there"
                return done() or stop.is_set()

        self.service.run(Stop())

    def decisions(self) -> list[BuyEngineDecision]:
        return [event for event in self.events(DECISIONS) if isinstance(event, BuyEngineDecision)]

    def events(self, stream: str) -> list[Event]:
        return [read_event(entry.json) for entry in tail(self.redis, stream, 1000)]

    def settled(self) -> bool:
        """Say whether the group exists, has read everything and acknowledged it."""
        known = bool(self.redis.xinfo_groups(SIGNALS))
        return known and backlog(self.redis, SIGNALS, GROUP) == (0, 0)


def a_hash(number: int) -> str:
    return "0x" + f"{number:064x}"


def test_signals_become_decisions_and_the_backlog_is_empty(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    for number in range(5):
        publish(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(number)))

    rig.run_until(lambda: len(rig.decisions()) == 5)

    assert rig.settled()
    assert rig.service.counts == {"BUY": 5}
    assert sum(lot.cost for lot in open_lots(RedisLedger(rig.redis, "paper"))) == 5 * 4_997_200
    assert RedisLedger(rig.redis, "paper").accounts().values["cash"] == 1_000_000_000 - 5 * 4_997_200


def test_the_same_signal_delivered_twice_is_decided_once(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    for _ in range(3):
        publish(rig.redis, SIGNALS, a_signal())

    rig.run_until(rig.settled)

    assert len(rig.decisions()) == 1
    assert len(rig.venue.placed) == 1


def test_progress_warms_the_markets_and_is_acknowledged(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    progress = HybridProgress(
        id="p",
        emitted_at_ms=1,
        detector="d",
        runtime_ms=1,
        leaders=(),
        signals=0,
        sightings=0,
        repeats=0,
        sources=(),
        live_tokens=("1", "2"),
    )
    publish(rig.redis, SIGNALS, progress)

    rig.run_until(lambda: bool(rig.prices.warmed))

    assert rig.prices.warmed == ["1", "2"]
    assert rig.settled()


def test_trap_31_a_poison_entry_is_buried_decided_and_the_next_one_bought(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    rig.redis.xadd(SIGNALS, {"event": "ACTIONABLE_SIGNAL", "json": '{"event":"ACTIONABLE_SIGNAL"'})
    rig.redis.xadd(SIGNALS, {"something": "else"})
    publish(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 3)

    assert rig.settled()
    assert len(rig.events(DEAD)) == 2
    assert [decision.verdict for decision in rig.decisions()] == ["SKIP", "SKIP", "BUY"]


def test_trap_29_a_handler_that_keeps_crashing_ends_on_the_dead_stream_and_the_loop_lives_on(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    publish(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    publish(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))
    good = rig.prices.facts

    def broken(token_id: str) -> Any:
        if not rig.decisions():
            raise ZeroDivisionError("a bug")
        return good(token_id)

    rig.prices.facts = broken  # type: ignore[method-assign]  # a bug that strikes the first signal only

    rig.run_until(lambda: len(rig.decisions()) == 2)

    first, second = rig.decisions()
    assert "failed 3 times: ZeroDivisionError: a bug" in first.reason
    assert second.verdict == "BUY"
    assert rig.settled()


def test_trap_31_redis_away_between_intent_and_outcome_loses_and_doubles_nothing(redis_server: EmbeddedRedis) -> None:
    rig = Rig(redis_server.url)
    publish(rig.redis, SIGNALS, a_signal())
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
        before.engine.handle(a_signal(tx_hash=a_hash(1)))

    rig = Rig(valkey_url)
    publish(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))
    rig.run_until(lambda: len(rig.decisions()) == 2)

    assert [order.signal_id for order in rig.venue.placed] == [decision.signal_id for decision in rig.decisions()]
    assert rig.venue.placed[0] == before.venue.placed[0]


def test_a_signal_by_callback_and_by_stream_is_decided_once_and_acknowledged(valkey_url: str) -> None:
    rig = Rig(valkey_url, inbox=queue.Queue())
    rig.service.submit(a_signal())
    publish(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 1 and rig.settled())

    assert len(rig.venue.placed) == 1


def test_trap_30_a_thousand_decided_signals_leave_only_their_marks(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    rig.prices.next_book = None
    for number in range(200):
        publish(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(number)))

    rig.run_until(lambda: rig.redis.zcard("hs:paper:writes") == 201)

    assert rig.redis.hkeys("hs:paper:accounts") == ["cash", "deposited"]
    assert rig.redis.hlen("hs:paper:intents") == 0


def test_the_bankroll_is_deposited_once_over_restarts(valkey_url: str) -> None:
    for _ in range(3):
        Rig(valkey_url).run_until(lambda: True)
    rig = Rig(valkey_url)
    rig.lease.try_acquire()
    rig.journal.deposit(1_000_000_000)
    rig.journal.deposit(1_000_000_000)

    assert RedisLedger(rig.redis, "paper").accounts().values == {"cash": 1_000_000_000, "deposited": 1_000_000_000}
