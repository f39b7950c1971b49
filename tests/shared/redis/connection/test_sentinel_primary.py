"""Sentinels name the primary: after a failover nobody speaks to the old one, nor waits for it."""

import signal
import threading
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from benchmarks.rigs.failovers.nodes import wait_for
from benchmarks.rigs.failovers.sentinels import NAME, SentinelServers
from ops.operator import controls
from redeemer.jobs.queue import bytes_connection, redemption_queue
from shared.clock import SystemClock
from shared.domain.errors import BadConfig, Unavailable, Unconfirmed
from shared.redis.client import LuaScript, answering, server_address
from shared.redis.connection.own_options import with_durability
from shared.redis.followed_leaders import FollowedLeader, follow_leader
from shared.redis.server_memory import ServerMemory
from shared.redis.streams import stream_tail
from tests.ops.operator.announced_pipeline import announced, hybrid
from tests.shared.redis.connection.conftest import Connect
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.server, pytest.mark.takes(12)]
CLOCK = SystemClock()
NEVER = threading.Event()


def serves(redis: Redis) -> bool:
    with answering(redis):
        return bool(redis.ping())


def test_after_a_planned_failover_what_is_answered_is_kept(sentinels: SentinelServers, connected: Connect) -> None:
    """The old primary answers for seconds more, and forgets it: we end those connections (redis-py does not)."""
    redis, memory = connected(sentinels.url), ServerMemory()
    told = connected(sentinels.url, greet=memory.greet)
    old, acknowledged = sentinels.primary(), list[str]()

    sentinels.hand_over()
    until, moved = CLOCK.monotonic() + 30, False
    while CLOCK.monotonic() < until and not (moved and len(acknowledged) > 50):
        try:
            with answering(told):
                acknowledged.append(str(told.xadd("entries", {"a": "1"})))
            memory.note("entries", acknowledged[-1])
            moved = moved or sentinels.primary() is not old
        except Unavailable:
            moved = True
        CLOCK.wait(NEVER, 0.01)
    kept = {entry.id for entry in stream_tail(redis, "entries", 1_000_000)}

    lost = [entry_id for entry_id in acknowledged if entry_id not in kept]
    assert len(lost) <= 50  # of half a second at most; unseen they are never
    assert bool(lost) == bool(memory.take_losses())


def test_a_killed_primary_is_followed_within_two_seconds_of_the_election(
    sentinels: SentinelServers, connected: Connect
) -> None:
    redis, reader = connected(sentinels.url), connected(sentinels.url, blocking_s=60)
    redis.set("kept", "1")
    wait_for(lambda: redis.wait(2, 1000) == 2, "the replicas do not follow")
    ended = threading.Event()

    def wait_long() -> None:
        with pytest.raises(RedisError):
            reader.xread({"entries": "$"}, block=60_000)
        ended.set()

    old = sentinels.primary()
    threading.Thread(target=wait_long, daemon=True).start()
    old.send(signal.SIGKILL)
    with pytest.raises(Unavailable, match=rf"Redis at redis\+sentinel://.*/{NAME}/0 "):
        serves(redis)
    assert ended.wait(PATIENCE_S)
    wait_for(lambda: sentinels.primary() is not old, "no other was elected")
    elected = CLOCK.monotonic()
    wait_for(lambda: _serves(redis), "we did not follow")

    assert CLOCK.monotonic() - elected < 2
    assert redis.get("kept") == "1"


def _serves(redis: Redis) -> bool:
    try:
        return serves(redis)
    except Unavailable:
        return False


def test_a_primary_that_hangs_is_left_where_it_hangs(sentinels: SentinelServers, connected: Connect) -> None:
    """A read on it would wait for its whole time; it ends with the election."""
    redis = connected(sentinels.url, blocking_s=60)
    serves(redis)
    old = sentinels.primary()

    old.send(signal.SIGSTOP)
    with pytest.raises(Unavailable), answering(redis):
        redis.get("a")

    wait_for(lambda: _serves(redis), "we did not follow")
    old.send(signal.SIGCONT)


def test_a_durable_script_is_done_only_when_a_replica_has_it(
    sentinels: SentinelServers, counting: Path, connected: Connect
) -> None:
    redis = connected(sentinels.url, durability="replicated")
    durable, other = LuaScript(redis, counting, durable=True), LuaScript(redis, counting)
    primary = sentinels.primary()

    assert durable(["count"], [1]) == "1"
    assert durable.many([(["count"], [1]), (["count"], [1])]) == ["2", "3"]
    for node in sentinels.servers:
        if node is not primary:
            node.send(signal.SIGSTOP)
    with pytest.raises(Unavailable, match=r"no replica of Redis at redis\+sentinel.*DURABILITY=local"):
        durable(["count"], [1])
    assert other(["count"], [1]) == "5"
    # WAIT alone asks for nothing on a connection that has written nothing: who finds it there must not be told yes.
    again = LuaScript(
        connected(sentinels.url, durability="replicated"), "return redis.call('GET', KEYS[1])", durable=True
    )
    with pytest.raises(Unavailable, match="no replica"):
        again(["count"], [])


def test_a_control_that_no_replica_confirms_stands_everywhere_and_says_so(
    sentinels: SentinelServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hybrid kill` waits as an order does (DURABILITY), and one that is not confirmed keeps no other from turning."""
    redis = announced(sentinels.url, "paper", "live")
    monkeypatch.setenv("DURABILITY", "replicated")
    confirmed = hybrid(sentinels.url, "pause")
    primary = sentinels.primary()
    for node in sentinels.servers:
        if node is not primary:
            node.send(signal.SIGSTOP)

    alone = hybrid(sentinels.url, "kill")

    assert confirmed.exit_code == 0
    assert isinstance(alone.exception, Unconfirmed)
    assert "stands there, and is gone if that server fails now" in str(alone.exception)
    for mode in ("paper", "live"):
        names = [control.name for control in controls.active(redis, mode)]
        assert {"kill", "kill redemptions", "pause buys"} == set(names)


def test_whom_an_owner_follows_waits_for_a_replica_too(sentinels: SentinelServers, connected: Connect) -> None:
    redis = connected(with_durability(sentinels.url, "replicated"))
    primary = sentinels.primary()
    for node in sentinels.servers:
        if node is not primary:
            node.send(signal.SIGSTOP)

    with pytest.raises(Unconfirmed):
        follow_leader(redis, "0x" + "1" * 40, FollowedLeader())


def test_a_queue_of_rq_is_filled_and_read_behind_sentinels(sentinels: SentinelServers, connected: Connect) -> None:
    connection = bytes_connection(connected(sentinels.url))
    queue = redemption_queue("jobs", connection)

    queue.enqueue("redeemer.jobs.redeem", "0xa", "0xb")

    assert queue.count == 1
    assert queue.job_ids


def test_what_sentinels_refuse_is_one_line_with_the_fix(sentinels: SentinelServers, connected: Connect) -> None:
    wrong_name = sentinels.url.replace(f"/{NAME}/", "/another/")
    no_login = sentinels.url.partition("?")[0]

    with pytest.raises(BadConfig, match="another"), answering(redis := connected(wrong_name)):
        redis.ping()
    with pytest.raises(BadConfig, match="sentinel_password"), answering(redis := connected(no_login)):
        redis.ping()
    assert sentinels.sentinel_password not in server_address(redis)


def test_commands_speak_to_the_primary(sentinels: SentinelServers) -> None:
    redis = announced(sentinels.url, "paper")

    result = hybrid(sentinels.url, "kill", "--mode", "paper")

    assert result.output.startswith(f"on {server_address(redis)}\npaper orders and redemptions are off")
    assert "kill" in [control.name for control in controls.active(redis, "paper")]
