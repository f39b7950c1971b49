"""Every outage of Redis has our name; our own mistakes keep theirs."""

import contextlib
import socket
import threading
from pathlib import Path

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
from shared.redis.client import LuaScript, answering, connect_redis


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
def test_a_lost_reply_is_not_followed_by_a_second_write(valkey_url: str) -> None:
    with Deaf(int(valkey_url.split(":")[2].split("/", maxsplit=1)[0])) as port, connect_redis(valkey_url) as direct:
        query = valkey_url.partition("?")[2]
        redis = connect_redis(f"redis://127.0.0.1:{port}/0?socket_timeout=0.3&{query}")

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
