"""The buyer as a process part, on a real server: each signal decided once, its lease kept, a stop heard between two."""

import queue
import threading

import pytest

from buyer.composition import build_buyer
from buyer.domain.token_shard import GROUP
from shared.clock import SystemClock
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from shared.redis.consumer_group import GroupReader
from shared.redis.streams import ensure_group, group_backlog, publish_event
from tests.buyer.builders import NOW_MS, a_signal, some_progress, some_settings
from tests.buyer.consumer_rig import Rig, a_hash
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.server


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
    publish_event(rig.redis, SIGNALS, some_progress("1", "2"))

    rig.run_until(lambda: bool(rig.prices.warmed))

    assert rig.prices.warmed == ["1", "2"]
    assert rig.settled()


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


def test_signals_trimmed_before_they_were_decided_are_counted_as_lost(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    ensure_group(rig.redis, SIGNALS, GROUP)
    lost = publish_event(rig.redis, SIGNALS, a_signal())
    GroupReader(rig.redis, SIGNALS, GROUP, "dead", clock=rig.clock, block_ms=1)._read(">", None)
    rig.redis.xdel(SIGNALS, lost)
    rig.reader._idle_ms = 0

    rig.run_until(lambda: bool(rig.service.snapshot()["signals_lost"]))

    assert rig.service.snapshot()["signals_lost"] == 1


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


def test_s5_a_batch_stops_between_two_rounds_when_told(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    for number in range(20):
        side = "BUY" if number < 2 else "SELL"
        publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(number), side=side))

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
