"""Every answer of a server, and every way not to reach one, is one line with the fix."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError, ResponseError

from ops.supervisor.embedded_redis import EmbeddedRedis, free_port
from shared.domain.errors import BadConfig, HybridError, StillLoading, Unavailable
from shared.redis.client import answering, connect_redis
from shared.redis.server_errors import PASSING, WRONG, name_server_error

pytestmark = pytest.mark.sockets
WHERE = "redis://h:1/0"
DENIED = b"-DENIED Valkey is running in protected mode because protected mode is enabled and no password is set.\r\n"
HTTP = b"HTTP/1.1 400 Bad Request\r\n\r\n"


def ask(url: str, command: Callable[[Redis], Any] = Redis.ping) -> HybridError:
    with pytest.raises(HybridError) as caught, connect_redis(url) as redis, answering(redis):
        command(redis)
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


@contextmanager
def saying(reply: bytes, tls: ssl.SSLContext | None = None) -> Generator[int]:
    """Answer whoever connects with `reply`, whatever he asks."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                with suppress(OSError):
                    client = tls.wrap_socket(client, server_side=True) if tls else client
                    client.sendall(reply)
                    client.recv(4096)
                client.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("word", "family"),
    [*((word, Unavailable) for word in PASSING if word != "LOADING"), *((word, BadConfig) for word in WRONG)],
)
def test_every_word_that_we_know_says_what_to_do(word: str, family: type[HybridError]) -> None:
    error = name_server_error(ResponseError(f"{word} as the server says it.\nmore of it"), WHERE)

    assert isinstance(error, family)
    assert str(error).startswith(f"Redis at {WHERE} ")
    assert str(error).endswith({**PASSING, **WRONG}[word])
    assert "\n" not in str(error)


def test_our_own_mistakes_have_no_other_name() -> None:
    assert (
        name_server_error(ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), WHERE)
        is None
    )


def test_a_server_in_protected_mode_says_how_to_be_let_in() -> None:
    with saying(DENIED) as port:
        error = ask(f"redis://127.0.0.1:{port}/0")

    assert isinstance(error, BadConfig)
    assert "requirepass" in str(error)


@pytest.mark.parametrize("slot", [b"-MOVED 1 10.0.0.7:7000\r\n", b"-ASK 1 10.0.0.7:7000\r\n"])
def test_a_cluster_is_refused(slot: bytes) -> None:
    with saying(slot * 8) as port:
        error = ask(f"redis://127.0.0.1:{port}/0")

    assert isinstance(error, BadConfig)
    assert "no cluster" in str(error)


@pytest.mark.server
def test_keys_of_two_slots_are_named_as_a_clusters(tmp_path: Path) -> None:
    with Clustered(tmp_path / "valkey") as server, connect_redis(server.url) as redis:
        down = ask(server.url, lambda redis: redis.get("a"))
        redis.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        crossed = ask(server.url, lambda redis: redis.eval("return 1", 2, "a", "b"))
        database = ask(server.url.replace("/0?", "/1?"))

    assert (type(down), type(crossed), type(database)) == (Unavailable, BadConfig, BadConfig)
    assert "no cluster" in str(down)
    assert "no cluster" in str(crossed)
    assert "end the URL with /0" in str(database)


class Clustered(EmbeddedRedis):
    """A server that is a cluster of its own."""

    def _arguments(self, log: Path) -> list[str]:
        return [*super()._arguments(log), "--cluster-enabled", "yes", "--cluster-port", str(free_port())]


@pytest.mark.server
@pytest.mark.parametrize(
    ("said", "setting", "before"),
    [("raise its maxmemory", "maxmemory", "0"), ("bring its replicas back", "min-replicas-to-write", "0")],
)
def test_what_an_operator_cures_is_unavailable_with_the_cure(
    valkey_url: str, said: str, setting: str, before: str
) -> None:
    with connect_redis(valkey_url) as redis:
        redis.config_set(setting, "1")
        try:
            error = ask(valkey_url, lambda redis: redis.set("a", "1"))
        finally:
            redis.config_set(setting, before)

    assert isinstance(error, Unavailable)
    assert said in str(error)


@pytest.mark.server
def test_a_replica_says_that_it_is_one(redis_server: EmbeddedRedis) -> None:
    with connect_redis(redis_server.url) as redis:
        redis.execute_command("REPLICAOF", "127.0.0.1", "1")
        written = ask(redis_server.url, lambda redis: redis.set("a", "1"))
        redis.config_set("replica-serve-stale-data", "no")
        read = ask(redis_server.url, lambda redis: redis.get("a"))

    assert (type(written), type(read)) == (Unavailable, Unavailable)
    assert "name its primary" in str(written)
    assert "name its primary" in str(read)


@pytest.mark.server
def test_whom_a_server_does_not_let_in_or_act_says_how(redis_server: EmbeddedRedis) -> None:
    with connect_redis(redis_server.url) as admin:
        admin.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~other:*", "+@all")
        port = redis_server.port
        wrong = ask(f"redis://app:no@127.0.0.1:{port}/0")
        forbidden = ask(f"redis://app:pw@127.0.0.1:{port}/0", lambda redis: redis.set("a", "1"))
        script = ask(f"redis://app:pw@127.0.0.1:{port}/0", lambda redis: redis.eval("return redis.call('get','a')", 0))
        admin.config_set("requirepass", "pw")
        silent = ask(f"redis://127.0.0.1:{port}/0")

    assert {type(error) for error in (wrong, forbidden, script, silent)} == {BadConfig}
    assert "fix the user or password in REDIS_URL" in str(wrong)
    assert "ACL SETUSER" in str(forbidden)
    assert "ACL SETUSER" in str(script)
    assert "REDIS_URL=redis://:PASSWORD@HOST:PORT/0" in str(silent)


@pytest.mark.server
@pytest.mark.parametrize("database", ["99", "1000000"])
def test_a_database_that_is_not_there_is_bad_config(valkey_url: str, database: str) -> None:
    error = ask(valkey_url.replace("/0?", f"/{database}?"))

    assert isinstance(error, BadConfig)
    assert "end the URL with /0" in str(error)


def test_what_is_no_redis_is_bad_config() -> None:
    with saying(HTTP) as port:
        plain, tls = ask(f"redis://127.0.0.1:{port}/0"), ask(f"rediss://127.0.0.1:{port}/0")

    assert (type(plain), type(tls)) == (BadConfig, BadConfig)
    assert "does not speak the Redis protocol" in str(plain)
    assert "does not speak TLS; without TLS REDIS_URL begins with redis://" in str(tls)


def test_tls_on_one_side_only_and_a_certificate_nobody_knows_say_so(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"]
    subprocess.run(["openssl", "req", "-x509", *words], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)

    with saying(b"", tls) as port:
        plain, unknown = ask(f"redis://127.0.0.1:{port}/0"), ask(f"rediss://localhost:{port}/0")

    assert "with TLS REDIS_URL begins with rediss://" in str(plain)
    assert isinstance(unknown, BadConfig)
    assert "?ssl_ca_certs=FILE" in str(unknown)


def test_a_server_that_loads_is_still_loading() -> None:
    error = name_server_error(ResponseError("LOADING Valkey is loading the dataset in memory"), WHERE)

    assert isinstance(error, StillLoading)


def test_an_error_of_another_kind_is_left_alone() -> None:
    assert name_server_error(RedisError("something else"), WHERE) is None
