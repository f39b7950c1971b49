"""A slot that is migrated key by key under load: what needs a key that is away waits, whole; nothing is half done."""

import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeVar

import pytest

from benchmarks.rigs.failovers.cluster import ClusterServers
from benchmarks.rigs.failovers.nodes import debian_server, wait_for
from ops.supervisor.embedded_redis import server_binary
from shared.clock import SystemClock
from shared.domain.errors import Unavailable
from shared.domain.ledger_write import LedgerRecord, LedgerWrite, WrittenStep
from shared.domain.record_kinds import INTENTS
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, SIGNALS
from shared.redis.client import LuaScript, answering
from shared.redis.consumer_group import GroupReader
from shared.redis.streams import publish_once, stream_tail
from tests.buyer.builders import a_signal
from tests.shared.redis.connection.conftest import Connect

pytestmark = [pytest.mark.server, pytest.mark.takes(8)]
CLOCK, NEVER = SystemClock(), threading.Event()
Answer = TypeVar("Answer")
BOTH = "return {redis.call('INCR', KEYS[1]), redis.call('INCR', KEYS[2])}"
STEPS = 300


@pytest.fixture(params=["valkey", "redis-server"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[ClusterServers]:
    binary = server_binary() if request.param == "valkey" else debian_server()
    if binary is None:
        pytest.skip("no redis-server on this machine: apt-get install redis-server")
    with ClusterServers(tmp_path, binary) as servers:
        yield servers


def patiently(act: Callable[[], Answer], refused: list[str]) -> Answer:
    """Do it, again as long as the server cannot: as every program does."""
    while True:
        try:
            return act()
        except Unavailable as error:
            refused.append(str(error))
            CLOCK.wait(NEVER, 0.01)


def test_what_needs_a_key_that_is_away_waits_with_one_line(cluster: ClusterServers, connected: Connect) -> None:
    redis, said = connected(cluster.url), list[str]()
    both = LuaScript(redis, BOTH)
    both(["hs:a", "hs:b"], [])

    def look(_: str) -> None:
        for act in (lambda: both(["hs:a", "hs:b"], []), lambda: redis.get("hs:a"), lambda: redis.get("hs:b")):
            try:
                with answering(redis):
                    act()
            except Unavailable as error:
                said.append(str(error))

    moved = cluster.move_slot(cluster.others()[0], look)
    again = patiently(lambda: both(["hs:a", "hs:b"], []), [])

    assert moved == 2
    assert again == [3, 3]  # once before, once while both were still there, once now
    assert [line.partition("cannot serve now: ")[2].split()[0] for line in said] == ["TRYAGAIN", "ASK"]
    assert all("the slot of HS_PREFIX moves, wait" in line and len(line.splitlines()) == 1 for line in said)


def test_under_load_no_step_of_the_ledger_is_lost_doubled_or_half_done(
    cluster: ClusterServers, connected: Connect
) -> None:
    ledger, redis, refused = RedisLedger(connected(cluster.url), "live"), connected(cluster.url), list[str]()
    moving, done = threading.Event(), list[object]()

    def write_on() -> None:
        for number in range(STEPS):
            moving.wait(0.02 if number < STEPS // 3 else 0)
            record = LedgerRecord(INTENTS, str(number), "text")
            step = LedgerWrite(f"step-{number}", (("cash", 1),), records=(record,), events=((DECISIONS, a_signal()),))
            done.append(patiently(lambda step=step: ledger.commit(step), refused))

    writer = threading.Thread(target=write_on)
    writer.start()
    wait_for(lambda: len(done) > 10, "nothing was written")
    moving.set()
    cluster.move_slot(cluster.others()[0], lambda _: CLOCK.wait(NEVER, 0.05))
    writer.join(60)

    assert not writer.is_alive()
    assert refused
    assert all(isinstance(one, WrittenStep) for one in done)  # none had happened without its answer
    assert ledger.read(("cash",)).values == {"cash": STEPS}
    assert ledger.read(()).seq == STEPS
    assert len(ledger.records(INTENTS)) == len(stream_tail(redis, DECISIONS, 10 * STEPS)) == STEPS


def test_a_reader_of_a_group_goes_on_where_it_was(cluster: ClusterServers, connected: Connect) -> None:
    redis, reading = connected(cluster.url), connected(cluster.url, blocking_s=1)
    reader, refused, seen = GroupReader(reading, SIGNALS, "buyer", "me", clock=CLOCK), list[str](), list[str]()

    def publish(number: int) -> None:
        patiently(lambda: publish_once(redis, SIGNALS, a_signal(id=str(number)), fact=f"a:{number}"), refused)

    def read_all() -> None:
        while len(seen) < 20:
            entries = patiently(reader.read, refused)
            seen.extend(entry.json for entry in entries)
            for entry in entries:
                patiently(lambda entry=entry: reader.ack(entry.id), refused)

    for number in range(10):
        publish(number)
    thread = threading.Thread(target=read_all)
    thread.start()
    wait_for(lambda: len(seen) == 10, "nothing was read")
    cluster.move_slot(cluster.others()[0], lambda _: CLOCK.wait(NEVER, 0.2))
    for number in range(10, 20):
        publish(number)
    thread.join(60)

    assert not thread.is_alive()
    assert len(seen) == len(set(seen)) == 20
    assert not reader.emptied
    assert refused
