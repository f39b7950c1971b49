"""Keys move under a prefix and back, whole, once, and not while anybody works with them."""

from pathlib import Path

import pytest
from redis import Redis
from typer.testing import CliRunner

from benchmarks.rigs.failovers.cluster import ClusterServers
from ops.cli import app
from ops.supervisor.key_mover import move_keys
from shared.domain.errors import RefusedForSafety
from shared.messages.base import SIGNALS
from shared.process.beats import ProcessBeat, write_beats
from shared.redis.client import connect_redis
from shared.redis.connection.key_prefix import with_prefix
from shared.redis.streams import ensure_group, group_backlog, publish_once
from tests.buyer.builders import a_signal

pytestmark = pytest.mark.server


def filled(redis: Redis) -> None:
    publish_once(redis, SIGNALS, a_signal(), fact="a:1")
    ensure_group(redis, SIGNALS, "buyer")
    redis.hset("hs:paper:accounts", "cash", "5")
    redis.set("rq:job:a", "1", ex=1000)


def held(redis: Redis) -> tuple[object, ...]:
    return (
        redis.xlen(SIGNALS),
        group_backlog(redis, SIGNALS, "buyer"),
        redis.hgetall("hs:paper:accounts"),
        redis.get("rq:job:a"),
        redis.hgetall(f"{SIGNALS}:facts"),
    )


def test_everything_moves_under_a_prefix_and_others_keys_stay(valkey_url: str) -> None:
    old, new = connect_redis(valkey_url), connect_redis(with_prefix(valkey_url, "alpha"))
    filled(old)
    old.set("somebody:else", "1")
    before = held(old)

    moved = move_keys(old, new, lambda _line: None)

    assert (moved, move_keys(old, new, lambda _line: None)) == (5, 0)
    assert held(new) == before
    assert 0 < new.ttl("rq:job:a") <= 1000
    assert {str(key).partition(":")[0] for key in old.keys("*")} == {"{alpha}", "somebody"}


def test_a_move_that_was_interrupted_goes_on(valkey_url: str) -> None:
    old, new = connect_redis(valkey_url), connect_redis(with_prefix(valkey_url, "alpha"))
    filled(old)
    before = held(old)
    new.hset("hs:paper:accounts", "cash", "5")  # copied, not deleted yet

    move_keys(old, new, lambda _line: None)

    assert held(new) == before


def test_a_key_that_stands_in_both_and_differs_is_left_and_named(valkey_url: str) -> None:
    old, new = connect_redis(valkey_url), connect_redis(with_prefix(valkey_url, "alpha"))
    old.set("hs:a", "1")
    new.set("hs:a", "2")

    with pytest.raises(RefusedForSafety, match="hs:a stands in both places and differs"):
        move_keys(old, new, lambda _line: None)
    assert (old.get("hs:a"), new.get("hs:a")) == ("1", "2")


def test_nothing_moves_while_a_program_works_or_where_both_are_one(valkey_url: str) -> None:
    old, new = connect_redis(valkey_url), connect_redis(with_prefix(valkey_url, "alpha"))
    with pytest.raises(RefusedForSafety, match="nothing is moved"):
        move_keys(old, old, lambda _line: None)
    write_beats(old, [ProcessBeat("buyer@here", "buyer")])

    with pytest.raises(RefusedForSafety, match=r"buyer@here works on .* stop every program first"):
        move_keys(old, new, lambda _line: None)


def test_the_command_moves_to_a_cluster(valkey_url: str, tmp_path: Path) -> None:
    old = connect_redis(valkey_url)
    filled(old)
    before = held(old)

    with ClusterServers(tmp_path) as cluster:
        result = CliRunner().invoke(app, ["move-keys", "--redis-url", valkey_url, "--to", cluster.url])
        with connect_redis(cluster.url) as redis:
            there = held(redis)

    assert result.output.startswith("5 keys moved from redis://127.0.0.1:"), result.output
    assert there == before
    assert old.keys("*") == []
