"""A thread's own connection: kept while every answer on it was read, and never shared, repeated or read half."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, BusyLoadingError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoAnswer

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.redis.client import connect_redis, loading_client
from shared.redis.own_line import OwnLine, own_line
from tests.ops.supervisor.slow_server import SlowServer
from tests.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def in_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE_S)


def test_each_thread_has_one_connection_and_keeps_it(redis: Redis) -> None:
    line, seen = OwnLine(redis), list[int]()

    for _ in range(2):
        in_thread(lambda: seen.extend(line.ask("CLIENT", "ID") for _ in range(2)))

    assert seen[0] == seen[1]
    assert seen[2] == seen[3]
    assert seen[0] != seen[2]


def test_a_thread_that_ends_leaves_no_connection(redis: Redis) -> None:
    line, seen = OwnLine(redis), list[int]()

    in_thread(lambda: seen.append(line.ask("CLIENT", "ID")))

    wait_until(lambda: str(seen[0]) not in clients(redis), "the connection closed")


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_opens_its_own_and_leaves_ours_as_it_is(redis: Redis) -> None:
    line = OwnLine(redis)
    first, (told, tell) = line.ask("CLIENT", "ID"), os.pipe()

    if not (pid := os.fork()):
        with suppress(Exception):
            os.write(tell, str(line.ask("CLIENT", "ID")).encode())
        os._exit(0)
    os.waitpid(pid, 0)

    assert int(os.read(told, 99)) != first
    assert line.ask("CLIENT", "ID") == first
    os.close(told)
    os.close(tell)


def test_one_that_the_server_closed_meanwhile_is_opened_again(redis: Redis) -> None:
    line = OwnLine(redis)
    first = line.ask("CLIENT", "ID")

    redis.client_kill_filter(_id=str(first))

    assert line.ask("CLIENT", "ID") != first


def test_all_that_a_client_asks_goes_over_one_connection_of_the_thread(redis: Redis) -> None:
    assert own_line(redis).ask("CLIENT", "ID") == own_line(redis).ask("CLIENT", "ID")


def test_what_is_asked_together_is_answered_in_its_order_and_an_error_is_an_answer(redis: Redis) -> None:
    line = OwnLine(redis)

    first, error, last = line.ask_all((("ECHO", "a"), ("HGET", "too few"), ("ECHO", "b")))

    assert (first, last) == ("a", "b")
    assert isinstance(error, ResponseError)
    assert line.ask_all(()) == []


def test_an_error_of_the_server_is_raised_and_leaves_the_connection_good(redis: Redis) -> None:
    line = OwnLine(redis)
    first = line.ask("CLIENT", "ID")

    with pytest.raises(ResponseError):
        line.ask("HGET", "too few")

    assert line.ask("CLIENT", "ID") == first


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, ResponseError])
def test_an_answer_that_nobody_waited_for_is_read_by_nobody(redis: Redis, error: type[BaseException]) -> None:
    line = OwnLine(redis)

    def fail() -> None:
        raise error

    with pytest.raises(error):
        line.ask("BLPOP", "list", 0, meanwhile=fail)
    redis.rpush("list", "not yours")

    assert line.ask("ECHO", "mine") == "mine"
    assert redis.llen("list") == 1


def test_a_command_while_another_one_is_due_gets_its_own_answer(redis: Redis) -> None:
    line, inner = OwnLine(redis), list[str]()

    outer = line.ask("BLPOP", "list", 0, meanwhile=lambda: inner.append(line.ask("RPUSH", "list", "pushed")))

    assert (outer, inner) == (["list", "pushed"], [1])


def test_an_answer_that_comes_too_late_is_not_the_next_ones(valkey_url: str) -> None:
    redis, line = connect_redis(valkey_url), OwnLine(connect_redis(with_option(valkey_url, "socket_timeout=0.1")))

    with pytest.raises(NoAnswer):
        line.ask("BLPOP", "list", 0)

    redis.rpush("list", "late")
    assert line.ask("ECHO", "mine") == "mine"


def test_a_blocking_read_outlives_its_wait(valkey_url: str) -> None:
    line = OwnLine(connect_redis(valkey_url, blocking_s=0.001))
    line.ask("XGROUP", "CREATE", "stream", "group", "$", "MKSTREAM")

    assert line.ask("XREADGROUP", "GROUP", "group", "us", "BLOCK", 1, "STREAMS", "stream", ">") is None


def test_a_server_that_dies_in_the_middle_of_an_answer_gave_none_and_is_used_again(
    redis_server: EmbeddedRedis,
) -> None:
    redis = connect_redis(redis_server.url)
    redis.set("long", "x" * 50_000_000)
    line = OwnLine(redis)

    with pytest.raises(ConnectionLost):
        line.ask("GET", "long", meanwhile=redis_server.kill)
    with pytest.raises(ConnectionLost):
        line.ask("GET", "long")
    redis_server.restart()

    assert line.ask("STRLEN", "long") == 50_000_000


def test_a_server_that_loads_its_file_says_so_until_it_serves(tmp_path: Path) -> None:
    server, said = SlowServer(tmp_path / "valkey").filled(), set[type[Exception]]()
    line = OwnLine(loading_client(connect_redis(server.url)))

    def serves() -> bool:
        try:
            return bool(line.ask("GET", "key:1") == "1")
        except ConnectionLost as error:
            said.add(type(error))
            return False

    with ThreadPoolExecutor(1) as pool:
        pool.submit(server.start)
        try:
            wait_until(serves, "the server serves")
        finally:
            pool.shutdown()
            server.stop()

    assert BusyLoadingError in said


def test_a_login_is_made_at_each_connection_and_tried_once(redis: Redis, valkey_url: str) -> None:
    redis.execute_command("ACL", "SETUSER", "desk", "on", ">secret", "~*", "&*", "+@all")
    as_desk = connect_redis(valkey_url.replace("redis://", "redis://desk:secret@"))
    line = OwnLine(as_desk)
    try:
        first = line.ask("CLIENT", "ID")
        redis.client_kill_filter(_id=str(first))

        assert line.ask("ACL", "WHOAMI") == "desk"
    finally:
        redis.execute_command("ACL", "LOG", "RESET")
        redis.execute_command("ACL", "DELUSER", "desk")
    for each in (line, OwnLine(as_desk)):
        with pytest.raises(AuthenticationError):
            each.ask("PING")
    assert [entry["count"] for entry in redis.acl_log()] == [2]


def test_a_server_that_became_a_replica_is_left_for_whoever_answers_at_its_name_next(redis: Redis) -> None:
    line = OwnLine(redis)
    first = line.ask("CLIENT", "ID")
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        with pytest.raises(ReadOnlyError):
            line.ask("SET", "a", "1")
    finally:
        redis.execute_command("REPLICAOF", "NO", "ONE")

    assert line.ask("CLIENT", "ID") != first


def test_what_the_server_pushes_unasked_is_nobodys_answer(redis: Redis) -> None:
    line = OwnLine(redis)
    line.ask("CLIENT", "TRACKING", "ON", "BCAST")

    redis.set("a", "1")
    assert line.ask("GET", "a") == "1"
    assert line.ask("SET", "a", "2", meanwhile=lambda: redis.set("b", "1")) == "OK"
    assert line.ask("GET", "a") == "2"


def test_a_health_check_comes_before_a_command_and_not_into_its_answer(redis: Redis) -> None:
    redis.config_resetstat()
    redis.connection_pool.connection_kwargs["health_check_interval"] = 1e-9
    line = OwnLine(redis)

    assert [line.ask("ECHO", word) for word in ("a", "b")] == ["a", "b"]
    assert redis.info("commandstats")["cmdstat_ping"]["calls"] >= 2


def with_option(url: str, option: str) -> str:
    """Return the URL with an option more, beside the file of its password."""
    return f"{url}{'&' if '?' in url else '?'}{option}"


def clients(redis: Redis) -> set[str]:
    return {client["id"] for client in redis.client_list()}
