"""One connection for all threads: commands go out behind others, and nobody ever reads another's answer."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.exceptions import TimeoutError as NoAnswer

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.domain.errors import Unavailable
from shared.redis.client import LuaScript, connect_redis
from shared.redis.pipelined_line import PipelinedLine, SentCommands, _Link, pipelined_line
from tests.shared.redis.test_own_line import with_option
from tests.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def test_commands_are_carried_out_in_the_order_of_their_sending_before_anybody_asks(redis: Redis) -> None:
    line = PipelinedLine(redis)

    sent = [line.send([("INCR", "n"), ("ECHO", str(number))]) for number in range(3)]

    assert [each.wait() for each in reversed(sent)] == [[3, "2"], [2, "1"], [1, "0"]]
    assert [each.wait() for each in sent] == [[1, "0"], [2, "1"], [3, "2"]]


def test_all_threads_share_one_connection_and_each_gets_its_own_answer(redis: Redis) -> None:
    line = pipelined_line(redis)

    def asked(number: int) -> tuple[int, str]:
        number_of_connection, word = line.send([("CLIENT", "ID"), ("ECHO", str(number))]).wait()
        assert word == str(number)
        return number_of_connection, threading.current_thread().name

    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(asked, range(400)))

    assert len({connection for connection, _ in found}) == 1


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)))
def test_in_whatever_order_threads_ask_each_gets_its_own(redis: Redis, order: list[int]) -> None:
    sent = [pipelined_line(redis).send([("ECHO", str(number))]) for number in range(6)]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(SentCommands.wait, [sent[number] for number in order]))

    assert found == [[str(number)] for number in order]


def test_an_error_is_an_answer_and_what_follows_it_has_its_own(redis: Redis) -> None:
    line = PipelinedLine(redis)

    wrong, right = line.send([("HGET", "too few")]), line.send([("ECHO", "a")])

    assert right.wait() == ["a"]
    assert isinstance(wrong.wait()[0], ResponseError)


def test_one_whose_answer_is_late_holds_up_nobody_who_was_sent_before(redis: Redis) -> None:
    line = PipelinedLine(redis)
    first, late = line.send([("ECHO", "a")]), line.send([("BLPOP", "list", 0)])

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(late.wait)
        assert first.wait() == ["a"]
        redis.rpush("list", "pushed")
        assert waiting.result(PATIENCE_S) == [["list", "pushed"]]


def test_a_connection_that_breaks_answers_all_that_was_due_with_that_and_the_next_one_is_new(redis: Redis) -> None:
    line = PipelinedLine(redis)
    connection = line.send([("CLIENT", "ID")]).wait()[0]
    due = [line.send([("BLPOP", "list", 0)]), line.send([("ECHO", "a")])]

    redis.client_kill_filter(_id=str(connection))

    for each in (*reversed(due), *due):
        with pytest.raises(ConnectionLost):
            each.wait()
    redis.rpush("list", "not yours")
    assert line.send([("ECHO", "b")]).wait() == ["b"]
    assert redis.llen("list") == 1


def test_an_answer_that_comes_too_late_is_nobody_elses(valkey_url: str) -> None:
    redis, line = connect_redis(valkey_url), PipelinedLine(connect_redis(with_option(valkey_url, "socket_timeout=0.1")))
    late, behind = line.send([("BLPOP", "list", 0)]), line.send([("ECHO", "behind")])

    for each in (late, behind):
        with pytest.raises((NoAnswer, ConnectionLost)):
            each.wait()

    redis.rpush("list", "late")
    assert line.send([("ECHO", "mine")]).wait() == ["mine"]


def test_one_that_the_server_closed_while_nothing_was_due_is_opened_again(redis: Redis) -> None:
    line = PipelinedLine(redis)
    first = line.send([("CLIENT", "ID")]).wait()[0]

    redis.client_kill_filter(_id=str(first))

    assert line.send([("CLIENT", "ID")]).wait()[0] != first


def test_a_server_that_is_away_is_said_at_once_and_used_again(redis_server: EmbeddedRedis) -> None:
    line = PipelinedLine(connect_redis(redis_server.url))
    assert line.send([("ECHO", "a")]).wait() == ["a"]

    redis_server.kill()
    with pytest.raises(RedisError):
        line.send([("ECHO", "b")]).wait()
    redis_server.restart()

    assert line.send([("ECHO", "c")]).wait() == ["c"]


def test_a_server_that_became_a_replica_is_left_with_all_that_was_due(redis: Redis) -> None:
    line = PipelinedLine(redis)
    first = line.send([("CLIENT", "ID")]).wait()[0]
    redis.execute_command("REPLICAOF", "127.0.0.1", "1")
    try:
        refused, behind = line.send([("SET", "a", "1")]), line.send([("ECHO", "b")])
        with pytest.raises(ReadOnlyError):
            behind.wait()
        with pytest.raises(ReadOnlyError):
            refused.wait()
    finally:
        redis.execute_command("REPLICAOF", "NO", "ONE")

    assert line.send([("CLIENT", "ID")]).wait()[0] != first


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_opens_its_own(redis: Redis) -> None:
    line = PipelinedLine(redis)
    first, (told, tell) = line.send([("CLIENT", "ID")]).wait()[0], os.pipe()

    if not (pid := os.fork()):
        with suppress(Exception):
            os.write(tell, str(line.send([("CLIENT", "ID")]).wait()[0]).encode())
        os._exit(0)
    os.waitpid(pid, 0)

    assert int(os.read(told, 99)) != first
    assert line.send([("CLIENT", "ID")]).wait()[0] == first
    os.close(told)
    os.close(tell)


SCRIPT = "return redis.call('INCR', KEYS[1])"


def test_a_script_that_the_server_does_not_know_yet_is_run_once_whoever_asks(redis: Redis) -> None:
    redis.script_flush()
    script = LuaScript(redis, SCRIPT)

    sent = script.send_each([(script, ["n"], []), (script, ["n"], [])])

    assert [sent.answer(1), sent.answer(0), sent.answer(1)] == [2, 1, 2]
    assert redis.get("n") == "2"


def test_scripts_sent_to_a_server_that_is_away_are_unavailable_for_each_who_asks(redis_server: EmbeddedRedis) -> None:
    script = LuaScript(connect_redis(redis_server.url), SCRIPT)
    sent = script.send_each([(script, ["n"], [])])
    assert sent.answer(0) == 1

    late = script.send_each([(script, ["list"], [])])
    redis_server.kill()
    with suppress(Unavailable):  # it may have answered before
        late.answer(0)
    with pytest.raises(Unavailable):
        script.send_each([(script, ["n"], [])]).answer(0)


@pytest.mark.pitfall(50)
def test_what_no_replica_confirms_is_unavailable_for_all_that_was_sent_together(valkey_url: str) -> None:
    redis = connect_redis(valkey_url, durability="replicated")
    script = LuaScript(redis, SCRIPT, durable=True)
    redis.eval(SCRIPT, 1, "n")

    sent = script.send_each([(script, ["n"], []), (script, ["n"], [])])

    for place in (0, 1, 0):
        with pytest.raises(Unavailable, match="no replica"):
            sent.answer(place)
    assert redis.get("n") == "3"


def test_nothing_to_send_is_no_round_trip(redis: Redis) -> None:
    before = redis.info("stats")["total_commands_processed"]

    LuaScript(redis, SCRIPT).send_each([])

    assert redis.info("stats")["total_commands_processed"] == before + 1


def test_a_script_that_fails_is_the_answer_of_nobody_else(redis: Redis) -> None:
    good, bad = LuaScript(redis, "return ARGV[1]"), LuaScript(redis, "return redis.call('INCR', KEYS[1])")
    redis.hset("h", "a", "1")
    calls: list[tuple[LuaScript, list[str], list[int]]] = [(good, [], [1]), (bad, ["h"], []), (good, [], [2])]

    for _ in "unknown to the server, known":
        late = good.send_each(calls)

        assert (late.answer(0), late.answer(2)) == ("1", "2")
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            late.answer(1)


def test_what_is_answered_while_the_line_breaks_leaves_nothing_without_an_answer() -> None:
    """One thread has read an answer, and another breaks the line before that is taken away."""
    breaking, read = threading.Event(), threading.Event()

    class Slow(SentCommands):
        def __setattr__(self, name: str, value: object) -> None:
            super().__setattr__(name, value)
            if name == "error" and value is not None:
                breaking.set()
                read.wait(0.3)

    class Connection:
        pid = os.getpid()

        def read_response(self) -> str:
            breaking.wait(PATIENCE_S)
            return "answer"

        def disconnect(self) -> None:
            pass

    link = _Link(Connection())  # type: ignore[arg-type]
    first, second = Slow(link, 1), SentCommands(link, 1)
    link.due.extend([first, second])

    def ask() -> None:
        with suppress(RedisError):
            first.wait()
        read.set()

    reader = threading.Thread(target=ask)
    reader.start()
    wait_until(lambda: link._is_read, "it reads")
    link.end(ConnectionLost("broken"))
    reader.join(PATIENCE_S)

    assert second.error is not None
