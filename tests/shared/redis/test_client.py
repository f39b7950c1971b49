"""The Redis connection: it times out, never sends twice, and its messages hold no password."""

from pathlib import Path
from typing import Any, cast

import pytest

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.domain.errors import BadConfig
from shared.redis.client import LuaScript, check_server, connect_redis, redacted_url, server_address


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
        return f"unix://{self.folder / 's'}?db=1&password_file={self.folder / 'password'}"

    def _arguments(self, log: Path) -> list[str]:
        return [*super()._arguments(log), "--unixsocket", str(self.folder / "s")]
