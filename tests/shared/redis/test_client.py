"""The Redis connection: nothing is sent twice, and every outage has our name."""

import contextlib
import socket
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import fakeredis
import pytest
from redis import Redis
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    DataError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoAnswer

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.domain.errors import BadConfig, Unavailable
from shared.redis.client import LuaScript, answering, check_server, connect_redis, redacted_url, server_address


@pytest.fixture
def fake() -> Generator[Redis]:
    redis = fakeredis.FakeRedis(decode_responses=True)
    yield redis
    redis.close()


@pytest.fixture
def counting(tmp_path: Path) -> Path:
    file = tmp_path / "counting.lua"
    file.write_text("redis.call('INCRBY', KEYS[1], ARGV[1]) return redis.call('GET', KEYS[1])")
    return file


def socket_settings(url: str, blocking_s: float = 0) -> Any:
    return cast("Any", connect_redis(url, blocking_s=blocking_s).connection_pool.make_connection())


def test_a_connection_never_sends_twice_and_times_out() -> None:
    connection = socket_settings("redis://localhost:1/0")

    assert connection.retry.get_retries() == 0
    assert connection.retry_on_error == []
    assert connection.socket_timeout == 5.0
    assert connection.health_check_interval > 0


def test_a_blocking_readers_socket_outlives_its_wait() -> None:
    assert socket_settings("redis://localhost:1/0", blocking_s=2).socket_timeout == 5.0
    assert socket_settings("redis://localhost:1/0", blocking_s=10).socket_timeout == 13.0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:6379",
        "http://localhost",
        "redis://localhost?socket_timeout=soon",
        "redis://localhost?no_such_option=1",
        "redis://localhost/main",
        "redis://localhost/1/2",
        "redis://localhost:port/0",
        "redis://",
        "unix://",
        "unix:///",
    ],
)
def test_a_url_that_cannot_be_read_is_bad_config(url: str) -> None:
    with pytest.raises(BadConfig, match="cannot be read"):
        connect_redis(url)


@pytest.mark.pitfall(30)
def test_no_message_holds_the_password() -> None:
    assert redacted_url("rediss://user:s3cret@host:6380/1?password=s3cret") == "rediss://host:6380/1"
    assert server_address(connect_redis("redis://user:s3cret@host:6380/1")) == "redis://host:6380/1"
    assert server_address(connect_redis("unix:///run/redis.sock?db=2&password=s3cret")) == "unix:///run/redis.sock"
    with pytest.raises(BadConfig) as caught:
        connect_redis("redys://user:s3cret@host/0")
    assert "s3cret" not in str(caught.value)


@pytest.mark.pitfall(30)
@pytest.mark.parametrize("sign", ["/", "?", "#"])
def test_a_sign_in_the_password_that_splits_the_url_is_named_and_the_password_is_not(sign: str) -> None:
    with pytest.raises(BadConfig, match="%2F %3F %23") as caught:
        connect_redis(f"redis://:s3{sign}cret@host:6379/0")
    assert "s3" not in str(caught.value)
    assert "cret" not in str(caught.value)


@pytest.mark.server
def test_a_unix_socket_works_as_any_other_server(tmp_path: Path, counting: Path) -> None:
    with OnSocket(tmp_path / "valkey") as server, connect_redis(server.socket_url, blocking_s=1) as redis:
        script = LuaScript(redis, counting)

        assert (script(["count"], [2]), redis.get("count")) == ("2", "2")
        assert check_server(redis).warnings == ()
        assert server_address(redis) == server.socket_url.partition("?")[0]


class OnSocket(EmbeddedRedis):
    """A server that also listens on a socket in its folder."""

    @property
    def socket_url(self) -> str:
        return f"unix://{self.folder / 's'}?db=1"

    def _arguments(self, log: Path) -> list[str]:
        return [*super()._arguments(log), "--unixsocket", str(self.folder / "s")]


@pytest.mark.parametrize(
    "error",
    [
        ConnectionLost("reset by peer"),
        NoAnswer("timed out"),
        BusyLoadingError("loading the dataset"),
        ReadOnlyError("replica"),
        OutOfMemoryError("command not allowed when used memory > 'maxmemory'"),
        ResponseError("MISCONF Redis is configured to save RDB snapshots"),
        ResponseError("UNBLOCKED the stream key no longer exists"),
        ResponseError("MASTERDOWN link is down"),
    ],
)
def test_an_outage_is_unavailable_says_where_and_keeps_its_cause(fake: Redis, error: RedisError) -> None:
    with pytest.raises(Unavailable, match="Redis at redis://") as caught, answering(fake):
        raise error

    assert caught.value.__cause__ is error


def test_a_refused_login_is_the_operators_turn(fake: Redis) -> None:
    with pytest.raises(BadConfig, match="REDIS_URL"), answering(fake):
        raise AuthenticationError("WRONGPASS invalid username-password pair")


@pytest.mark.parametrize("error", [ResponseError("WRONGTYPE not a list"), DataError("bad input")])
def test_our_own_mistakes_stay_what_they_are(fake: Redis, error: RedisError) -> None:
    with pytest.raises(type(error)), answering(fake):
        raise error


def test_a_script_runs_and_is_loaded_when_the_server_does_not_know_it(fake: Redis, counting: Path) -> None:
    script = LuaScript(fake, counting)

    first = script(["count"], [2])
    fake.script_flush()
    second = script(["count"], [3])

    assert (first, second) == ("2", "5")


def test_a_script_on_a_server_that_is_away_is_unavailable(counting: Path) -> None:
    server = fakeredis.FakeServer()
    script = LuaScript(fakeredis.FakeRedis(server=server), counting)
    server.connected = False

    with pytest.raises(Unavailable):
        script(["count"], [1])


def test_a_mistake_in_a_script_is_not_hidden(fake: Redis, tmp_path: Path) -> None:
    (tmp_path / "wrong.lua").write_text("return redis.call('INCR', KEYS[1], 'too', 'many')")

    with pytest.raises(ResponseError):
        LuaScript(fake, tmp_path / "wrong.lua")(["count"], [])


def test_a_server_that_forbids_to_be_asked_is_not_judged(fake: Redis) -> None:
    assert check_server(fake).warnings == ()


@pytest.mark.server
def test_a_server_as_we_ship_it_has_no_warnings(redis_server: EmbeddedRedis) -> None:
    with connect_redis(redis_server.url) as redis:
        found = check_server(redis)

    assert (found.warnings, found.unknown) == ((), "")


@pytest.mark.pitfall(31)
@pytest.mark.server
@pytest.mark.parametrize(
    ("setting", "value", "warning"),
    [
        ("maxmemory-policy", "allkeys-lru", "maxmemory-policy noeviction"),
        ("appendonly", "no", "appendonly yes"),
        ("appendfsync", "everysec", "appendfsync always"),
    ],
)
def test_a_server_that_could_lose_signals_is_named_with_the_fix(
    redis_server: EmbeddedRedis, setting: str, value: str, warning: str
) -> None:
    with connect_redis(redis_server.url) as redis:
        redis.config_set(setting, value)

        found = check_server(redis).forgets

    assert len(found) == 1
    assert warning in found[0]


@pytest.mark.server
def test_a_managed_server_without_config_is_accepted(redis_server: EmbeddedRedis) -> None:
    with connect_redis(redis_server.url) as admin:
        admin.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-config", "-info")
        port = redis_server.port

        with connect_redis(f"redis://app:pw@127.0.0.1:{port}/0") as redis:
            found = check_server(redis)
            assert found.warnings == ()
            assert "unknown" in found.unknown
        with connect_redis(f"redis://app:wrong@127.0.0.1:{port}/0") as redis, pytest.raises(BadConfig):
            check_server(redis)


@pytest.mark.server
def test_a_full_server_refuses_writes_as_unavailable_and_still_reads(valkey_url: str, counting: Path) -> None:
    with connect_redis(valkey_url) as redis:
        script = LuaScript(redis, counting)
        script(["count"], [1])
        redis.config_set("maxmemory", "1")
        try:
            with pytest.raises(Unavailable):
                script(["count"], [1])
            assert redis.get("count") == "1"
        finally:
            redis.config_set("maxmemory", "0")


@pytest.mark.pitfall(31)
@pytest.mark.server
def test_a_restarted_server_is_used_again_without_a_word(redis_server: EmbeddedRedis, counting: Path) -> None:
    with connect_redis(redis_server.url) as redis:
        script = LuaScript(redis, counting)
        script(["count"], [1])

        redis_server.kill()
        with pytest.raises(Unavailable):
            script(["count"], [1])
        redis_server.restart()

        assert script(["count"], [1]) == "2"


@pytest.mark.server
def test_work_is_done_while_an_answer_is_due(valkey_url: str, counting: Path) -> None:
    script, done = LuaScript(connect_redis(valkey_url), counting), list[str]()

    answer = script(["count"], [1], lambda: done.append("while the server worked"))

    assert answer == "1"
    assert done == ["while the server worked"]


@pytest.mark.server
def test_an_answer_that_nobody_waited_for_is_not_read_as_the_next_ones(valkey_url: str, counting: Path) -> None:
    script = LuaScript(connect_redis(valkey_url), counting)

    with pytest.raises(ZeroDivisionError):
        script(["count"], [1], lambda: 1 // 0)

    assert script(["count"], [1]) in {"1", "2"}
    assert script(["other"], [7]) == "7"


@pytest.mark.server
def test_a_lost_reply_is_not_followed_by_a_second_write(valkey_url: str) -> None:
    with Deaf(int(valkey_url.split(":")[2].split("/", maxsplit=1)[0])) as port, connect_redis(valkey_url) as direct:
        redis = connect_redis(f"redis://127.0.0.1:{port}/0?socket_timeout=0.3")

        with pytest.raises(Unavailable, match="did not answer in time"), answering(redis):
            redis.xadd("stream", {"a": "1"})

        redis.close()
        assert direct.xlen("stream") == 1


class Deaf:
    """A relay before a server that carries everything to it, and nothing back once an XADD went through."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._deaf = threading.Event()

    def __enter__(self) -> int:
        threading.Thread(target=self._accept, daemon=True).start()
        return int(self._listener.getsockname()[1])

    def __exit__(self, *_: object) -> None:
        for each in [self._listener, *self._sockets]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._sockets += [client, server]
                for source, target in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=(source, target), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if b"XADD" in data:
                    self._deaf.set()
                if not (self._deaf.is_set() and source.getpeername()[1] == self._server_port):
                    target.sendall(data)
