"""A server that could lose signals is named with the fix."""

import pytest
from redis import Redis

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.domain.errors import BadConfig
from shared.redis.client import check_server, connect_redis


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
