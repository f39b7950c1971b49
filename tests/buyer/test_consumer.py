"""The buyer as a process part: on a real server, with its group, its lease and its recovery."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, cast

import pytest

from buyer.composition import build_buyer
from buyer.consumer import SignalConsumer
from buyer.domain.token_shard import ALL, GROUP, TokenShard
from buyer.execution.buy_gate import OVERTAKEN, BuyGate
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.intent_codec import read_open_order
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.settlement.worker import SettlementWorker
from buyer.settlement.writer import SettlementWriter
from buyer.sharding.shard_count import ShardCount
from buyer.sharding.shard_ledger import ShardLedger
from ops.operator import controls
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared import logs
from shared.clock import Clock, ManualClock, SystemClock
from shared.domain.errors import Unavailable
from shared.domain.ledger_write import Balances
from shared.domain.market import Book
from shared.domain.record_kinds import ORDERS
from shared.ledger.local_copy import MirroredLedger
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DEAD, DECISIONS, SIGNALS, Event
from shared.messages.decisions import BuyEngineDecision, Order, OrderUpdate
from shared.messages.events import read_event
from shared.messages.service import HybridProgress
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from shared.redis.streams import ensure_group, group_backlog, publish_event, stream_tail
from tests.buyer.builders import NOW_MS, a_signal, some_limits, some_settings
from tests.buyer.fakes import FakePrices, FakeVenue
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.server


class Feed(FakePrices):
    """Fake prices that remember what was warmed; the book is as old as `next_book` says, unless there is a clock."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.warmed: list[str] = []
        self.clock = clock

    def book(self, token_id: str) -> tuple[Book | None, str]:
        if self.clock and self.next_book:
            self.next_book = self.next_book.but(at_ms=self.clock.now_ms())
        return super().book(token_id)

    def warm(self, token_ids: tuple[str, ...]) -> None:
        self.warmed += token_ids

    def snapshot(self) -> dict[str, Any]:
        return {}


class Counted(RedisLedger):
    """A ledger that counts how often somebody asks it for balances."""

    reads = 0

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        self.reads += 1
        return super().read(accounts, writes, records)


class Rig:
    """A buyer service on a real server, stepped by hand."""

    def __init__(
        self,
        url: str,
        *,
        inbox: "queue.Queue[ActionableSignal] | None" = None,
        shard: TokenShard = ALL,
        consumer: str = "buyer-0",
        layout: ShardCount | None = None,
        prices: Feed | None = None,
        mode: Literal["paper", "live"] = "paper",
        settlement: SettlementWorker | None = None,
    ) -> None:
        self.redis, self.clock, self.shard = connect_redis(url), ManualClock(NOW_MS), shard
        self.prices, self.venue = prices or Feed(), FakeVenue()
        condition = layout.condition if layout else None
        self.lease = Lease(self.redis, shard.lease(mode), consumer, clock=self.clock, only_while=condition)
        self.ledger = whole = Counted(self.redis, mode)
        mirror = MirroredLedger(whole, self.clock) if shard == ALL else None
        self.journal = Journal(ShardLedger(mirror or whole, shard), lambda: self.lease.fence, mirror)
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.prices,
            venue=self.venue,
            clock=self.clock,
            limits=some_limits(),
            identity=BuyerIdentity(mode, "c", "v"),
            emit=self.decided,
        )
        self.reader = GroupReader(
            connect_redis(url),
            SIGNALS,
            shard.group,
            consumer,
            clock=self.clock,
            sole=shard.of > 1,
            mine=lambda entry: shard.owns_entry(entry.id, entry.json),
            block_ms=1,
        )
        self.service = SignalConsumer(
            executor=self.engine,
            journal=self.journal,
            prices=cast("MarketPriceFeed", self.prices),
            lease=self.lease,
            reader=self.reader,
            clock=self.clock,
            bankroll=lambda: 1_000_000_000,
            inbox=inbox,
            settlement=settlement,
            shard=shard,
            layout=layout,
        )

    def decided(self, decision: BuyEngineDecision) -> None:
        self.service.counter.count(decision)

    def run_until(self, done: Callable[[], bool]) -> None:
        """Run the service until `done`; fail loudly when it never is."""
        stop = threading.Event()
        turns = iter(range(300))

        class Stop(threading.Event):
            def is_set(self) -> bool:
                assert next(turns, None) is not None, "the service never got there"
                return done() or stop.is_set()

        work = self.service.consume if self.lease.token else self.service.run
        work(Stop())

    def settle(self) -> None:
        """Confirm every live order, as settlement does once its trades are on the chain."""
        writer = SettlementWriter(ShardLedger(self.ledger, self.shard), lambda: self.lease.fence)
        for text in self.ledger.records(ORDERS).values():
            decision = read_open_order(text)
            assert decision.outcome is not None
            writer.settle(decision, decision.outcome.but(state="CONFIRMED"))

    def decisions(self) -> list[BuyEngineDecision]:
        return [event for event in self.events(DECISIONS) if isinstance(event, BuyEngineDecision)]

    def events(self, stream: str) -> list[Event]:
        return [read_event(entry.json) for entry in stream_tail(self.redis, stream, 1000)]

    def settled(self) -> bool:
        """Say whether the group exists, has read everything and acknowledged it."""
        groups = {group["name"]: group for group in self.redis.xinfo_groups(SIGNALS)}
        ours, newest = groups.get(self.shard.group), stream_tail(self.redis, SIGNALS, 1)
        return bool(ours) and not ours["pending"] and (not newest or ours["last-delivered-id"] == newest[0].id)


def a_hash(number: int) -> str:
    return "0x" + f"{number:064x}"


def test_signals_become_decisions_and_the_backlog_is_empty(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    for number in range(5):
        publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(number)))

    rig.run_until(lambda: len(rig.decisions()) == 5)

    assert rig.settled()
    assert rig.service.counter.counts == {"BUY": 5}
    assert sum(lot.cost for lot in open_lots(RedisLedger(rig.redis, "paper"))) == 5 * 4_997_200
    assert RedisLedger(rig.redis, "paper").accounts().values["cash"] == 1_000_000_000 - 5 * 4_997_200


def test_the_same_signal_delivered_twice_is_decided_once(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    for _ in range(3):
        publish_event(rig.redis, SIGNALS, a_signal())

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
    publish_event(rig.redis, SIGNALS, progress)

    rig.run_until(lambda: bool(rig.prices.warmed))

    assert rig.prices.warmed == ["1", "2"]
    assert rig.settled()


@pytest.mark.pitfall(31)
def test_a_poison_entry_is_buried_decided_and_the_next_one_bought(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    rig.redis.xadd(SIGNALS, {"event": "ACTIONABLE_SIGNAL", "json": '{"event":"ACTIONABLE_SIGNAL"'})
    rig.redis.xadd(SIGNALS, {"something": "else"})
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 3)

    assert rig.settled()
    assert len(rig.events(DEAD)) == 2
    assert [decision.verdict for decision in rig.decisions()] == ["SKIP", "SKIP", "BUY"]


@pytest.mark.pitfall(29)
def test_a_handler_that_keeps_crashing_ends_on_the_dead_stream_and_the_loop_lives_on(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))
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


def test_a_signal_by_callback_and_by_stream_is_decided_once_and_acknowledged(valkey_url: str) -> None:
    rig = Rig(valkey_url, inbox=queue.Queue())
    rig.service.submit(a_signal())
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 1 and rig.settled())

    assert len(rig.venue.placed) == 1


@pytest.mark.pitfall(30)
def test_a_thousand_decided_signals_leave_only_their_marks(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    rig.prices.next_book = None
    for number in range(200):
        publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(number)))

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


@pytest.mark.pitfall(29)
def test_an_intent_that_crashes_the_venue_is_given_up_and_its_budget_comes_back(valkey_url: str) -> None:
    rig = Rig(valkey_url)

    def crash(order: Order) -> None:
        if order.signal_id == a_signal(tx_hash=a_hash(1)).id:
            raise ZeroDivisionError("a bug")

    rig.venue.before = crash
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))

    rig.run_until(lambda: len(rig.decisions()) == 2 and rig.settled())

    bad, good = rig.decisions()
    assert bad.outcome is not None
    assert (bad.outcome.state, bad.outcome.reason) == ("CANCELLED", "failed 3 times: ZeroDivisionError: a bug")
    assert good.verdict == "BUY"
    assert RedisLedger(rig.redis, "paper").accounts().values["cash"] == 1_000_000_000 - 4_997_200
    assert rig.journal.open_intents() == {}


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


def test_a_signal_that_is_buried_gets_its_terminal_decision_in_its_own_name(valkey_url: str) -> None:
    rig = Rig(valkey_url)

    def broken(_: str) -> Any:
        raise ZeroDivisionError("a bug")

    rig.prices.facts = broken  # type: ignore[method-assign]  # a bug
    publish_event(rig.redis, SIGNALS, a_signal())
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(rig.settled)

    (decision,) = rig.decisions()
    assert (decision.signal_id, decision.leader) == (a_signal().id, a_signal().leader)
    assert len(rig.events(DEAD)) == 1
    assert rig.service.counter.counts == {"SKIP dead letter": 1}


@pytest.mark.pitfall(29)
def test_a_bug_met_by_callback_is_left_to_the_stream_that_buries_it(valkey_url: str) -> None:
    rig = Rig(valkey_url, inbox=queue.Queue())

    def broken(_: str) -> Any:
        raise ZeroDivisionError("a bug")

    rig.prices.facts = broken  # type: ignore[method-assign]  # a bug
    rig.service.submit(a_signal())
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 1 and rig.settled())

    assert rig.decisions()[0].reason == "dead letter: failed 3 times: ZeroDivisionError: a bug"


def test_s5_a_burst_by_callback_stops_at_once_when_told(valkey_url: str) -> None:
    rig = Rig(valkey_url, inbox=queue.Queue())
    for number in range(50):
        rig.service.submit(a_signal(tx_hash=a_hash(number)))

    rig.run_until(lambda: len(rig.decisions()) >= 3)

    assert len(rig.decisions()) == 3


def test_s4_what_a_standby_is_handed_by_callback_does_not_pile_up(valkey_url: str) -> None:
    inbox: queue.Queue[ActionableSignal] = queue.Queue(maxsize=2)
    rig = Rig(valkey_url, inbox=inbox)

    for number in range(5):
        rig.service.submit(a_signal(tx_hash=a_hash(number)))

    assert inbox.qsize() == 2


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


def test_signals_trimmed_before_they_were_decided_are_counted_as_lost(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    ensure_group(rig.redis, SIGNALS, GROUP)
    lost = publish_event(rig.redis, SIGNALS, a_signal())
    GroupReader(rig.redis, SIGNALS, GROUP, "dead", clock=rig.clock, block_ms=1)._read(">", None)
    rig.redis.xdel(SIGNALS, lost)
    rig.reader._idle_ms = 0

    rig.run_until(lambda: bool(rig.service.snapshot()["signals_lost"]))

    assert rig.service.snapshot()["signals_lost"] == 1


@pytest.mark.pitfall(31)
def test_bytes_that_are_no_text_are_buried_like_any_poison(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    rig.redis.xadd(SIGNALS, {"event": "ACTIONABLE_SIGNAL", "json": b"\xff\xfe"})
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 2 and rig.settled())

    assert [decision.verdict for decision in rig.decisions()] == ["SKIP", "BUY"]


def test_a_reader_of_decisions_that_hung_up_ends_nothing(valkey_url: str) -> None:
    redis, stop = connect_redis(valkey_url), threading.Event()
    publish_event(redis, SIGNALS, a_signal())
    redis.xadd(SIGNALS, {"json": "poison"})

    def hung_up(_: BuyEngineDecision) -> None:
        raise BrokenPipeError

    settings = some_settings("--redis-url", valkey_url, "--gamma-url", "http://127.0.0.1:9", "--http-timeout-s", "1")
    built = build_buyer(settings, stop=stop, emit=hung_up)
    thread = threading.Thread(target=built.service.run, args=(stop,))
    thread.start()
    ends = SystemClock().monotonic() + PATIENCE_S
    while redis.xlen(DECISIONS) < 2 and SystemClock().monotonic() < ends:
        SystemClock().wait(stop, 0.05)
    stop.set()
    thread.join(PATIENCE_S)

    assert redis.xlen(DECISIONS) == 2
    assert group_backlog(redis, SIGNALS, GROUP) == (0, 0)


def test_s5_a_batch_stops_between_two_signals_when_told(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    for number in range(20):
        publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(number)))

    rig.run_until(lambda: len(rig.decisions()) >= 2)

    assert len(rig.decisions()) == 2


@pytest.mark.pitfall(21)
@pytest.mark.parametrize("by_callback", [False, True])
def test_a_long_batch_keeps_the_lease(valkey_url: str, *, by_callback: bool) -> None:
    rig = Rig(valkey_url, inbox=queue.Queue() if by_callback else None)
    rig.venue.before = lambda _: rig.clock.advance(8)
    renewed: list[str] = []
    for number in range(4):
        signal = a_signal(tx_hash=a_hash(number), traded_at_ms=NOW_MS + number * 8000)
        if by_callback:
            rig.service.submit(signal)
        else:
            publish_event(rig.redis, SIGNALS, signal)

    def look(_: object) -> None:
        renewed.append(str(rig.redis.hget(rig.lease.key, "until_ms")))
        rig.clock.advance(8)
        SystemClock().wait(threading.Event(), 0.003)

    rig.venue.before = look
    rig.run_until(lambda: len(rig.decisions()) == 4)

    assert len(set(renewed)) == len(renewed) > 1


@pytest.mark.pitfall(30)
def test_an_attempt_that_worked_in_the_end_is_forgotten(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    failures = [1]

    def once(_: object) -> None:
        if failures:
            failures.pop()
            raise ZeroDivisionError("a bug")

    rig.venue.before = once
    publish_event(rig.redis, SIGNALS, a_signal())

    rig.run_until(lambda: len(rig.decisions()) == 1 and rig.settled())

    assert rig.decisions()[0].outcome is not None
    assert not rig.service._attempts._crashes


def test_a_warm_buyer_asks_the_ledger_nothing_while_a_signal_waits(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(0)))
    rig.run_until(lambda: len(rig.decisions()) == 1)
    reads = rig.ledger.reads

    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    rig.run_until(lambda: len(rig.decisions()) == 2)

    first, second = rig.decisions()
    assert rig.ledger.reads == reads
    assert first.outcome is not None
    assert second.inputs.portfolio is not None
    assert second.inputs.portfolio.spent_today == first.outcome.usdc


def test_a_control_turned_while_a_signal_is_decided_is_seen_by_deciding_again(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(0)))
    rig.run_until(lambda: len(rig.decisions()) == 1)
    turned: list[bool] = []

    class Late(Feed):
        def book(self, token_id: str) -> tuple[Book | None, str]:
            """Let somebody pause all buying at the moment in which the book is read."""
            if not turned:
                turned.append(controls.pause_buys(rig.redis, "paper", "fees went up", rig.clock))
            return super().book(token_id)

    rig.engine._prices = Late()
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    rig.run_until(lambda: len(rig.decisions()) == 2)

    decision = rig.decisions()[1]
    assert (decision.verdict, decision.reason) == ("SKIP", "not_paused")
    assert len(rig.venue.placed) == 1


def test_a_signal_that_another_delivery_decided_is_not_bought_on_what_is_at_hand(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    paused = controls.pause_buys(rig.redis, "paper", "fees went up", rig.clock)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(0)))
    rig.run_until(lambda: len(rig.decisions()) == 1)
    controls.resume(rig.redis, "paper", "all well", rig.clock)
    rig.clock.advance(1)
    rig.journal.refresh()

    again = rig.engine.process_actionable(a_signal(tx_hash=a_hash(0)))

    assert paused
    assert again is None
    assert rig.venue.placed == []
    assert len(rig.decisions()) == 1


class Away:
    """A permission that waits for the venue until it is there."""

    word = "region"

    def waits_for(self) -> str:
        return self.word


def gated_rig(url: str, permission: Away) -> Rig:
    """Return a rig whose buys wait while the permission has no answer."""
    rig = Rig(url)
    gate = BuyGate(rig.clock, lambda _: 60.0, permission)
    rig.journal.buy_through(gate)
    rig.service._handler._gate = gate
    return rig


@pytest.mark.pitfall(45)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_buy_whose_leader_sold_while_it_waited_is_never_followed_after_a_restart_either(
    valkey_url: str, *, restarted: bool
) -> None:
    permission = Away()
    rig = gated_rig(valkey_url, permission)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1), traded_at_ms=NOW_MS - 1000))
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2), side="SELL", traded_at_ms=NOW_MS - 500))
    rig.run_until(lambda: len(rig.decisions()) == 2)
    if restarted:
        rig = gated_rig(valkey_url, permission)

    permission.word = ""
    rig.run_until(rig.settled)

    assert sorted(decision.reason for decision in rig.decisions()) == [OVERTAKEN, "lot_held"]
    assert rig.venue.placed == []


def later(turns: int) -> Callable[[], bool]:
    """Return what says that this many looks were made: nothing is left that the buyer could do meanwhile."""
    left = iter(range(turns))
    return lambda: next(left, None) is None


@pytest.mark.pitfall(45)
@pytest.mark.parametrize("by_callback", [False, True])
def test_a_leader_who_is_back_does_not_overtake_his_sell_that_waits_for_our_order(
    valkey_url: str, *, by_callback: bool
) -> None:
    rig = Rig(valkey_url, mode="live", inbox=queue.Queue() if by_callback else None)
    rig.prices.clock = rig.clock

    def trade(number: int, side: Literal["BUY", "SELL"]) -> None:
        signal = a_signal(tx_hash=a_hash(number), side=side)
        if by_callback:
            rig.service.submit(signal)
        publish_event(rig.redis, SIGNALS, signal)

    trade(1, "BUY")
    rig.run_until(lambda: len(rig.decisions()) == 1)
    trade(2, "SELL")
    trade(3, "BUY")
    rig.run_until(later(10))
    before_it_settled = len(rig.decisions())
    rig.settle()
    rig.run_until(lambda: len(rig.decisions()) == 3 and rig.settled())

    assert before_it_settled == 1
    assert [decision.verdict for decision in rig.decisions()] == ["BUY", "SELL", "SKIP"]
    assert rig.decisions()[2].reason == "not_leaving"


def test_another_leader_of_the_token_does_not_wait_for_a_sell_that_waits(valkey_url: str) -> None:
    rig = Rig(valkey_url, mode="live")
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2), side="SELL"))
    other = a_signal(tx_hash=a_hash(3), leader="0x" + "b2" * 20)
    publish_event(rig.redis, SIGNALS, other)

    rig.run_until(lambda: len(rig.decisions()) == 2)

    assert rig.decisions()[1].signal_id == other.id
