"""A live buyer trades only on a server that keeps what it was given."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from buyer.composition import BuyerProcess, build_buyer
from buyer.composition_modes import demand_memory
from buyer.config import BuyerSettings, parse_args
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import SystemClock
from shared.domain import exit_codes
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.messages.base import Event
from shared.messages.service import ServiceStop
from shared.process import service_runner
from shared.redis.client import connect_redis

pytestmark = pytest.mark.server

FORGETFUL = [
    ("maxmemory-policy", "allkeys-lru", "Set maxmemory-policy noeviction"),
    ("appendonly", "no", "Set appendonly yes"),
    ("appendfsync", "everysec", "Set appendfsync always"),
    ("appendfsync", "no", "Set appendfsync always"),
]


@pytest.fixture
def redis(redis_server: EmbeddedRedis) -> Iterator[Redis]:
    with connect_redis(redis_server.url) as client:
        yield client


def live(url: str, folder: Path, *words: str) -> BuyerSettings:
    given: dict[str, Any] = {"--redis-url": url, "--run-dir": str(folder), "--log-level": "error"}
    return parse_args(["--live", "--no-dry-run", *(word for pair in given.items() for word in pair), *words])


@pytest.mark.parametrize(("setting", "value", "fix"), FORGETFUL)
def test_a_live_buyer_refuses_a_server_that_would_forget(
    redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path, setting: str, value: str, fix: str
) -> None:
    redis.config_set(setting, value)

    with pytest.raises(RefusedForSafety, match="could forget") as refused:
        build_buyer(live(redis_server.url, tmp_path), stop=threading.Event())

    assert fix in str(refused.value)
    assert "--accept-forgetful-server" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_it_ends_with_4_and_a_standing_server_is_not_refused(
    redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, told = live(redis_server.url, tmp_path), list[Event]()
    demand_memory(redis, settings)
    redis.config_set("appendfsync", "no")

    code = service_runner.run(BuyerProcess(settings), settings, redis=redis, clock=SystemClock(), emit=told.append)

    assert code == exit_codes.REFUSED_FOR_SAFETY
    assert isinstance(told[-1], ServiceStop)
    assert "buyer: live trading is refused" in capsys.readouterr().err


def test_who_accepts_a_forgetful_server_gets_as_far_as_the_key(
    redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    redis.config_set("appendonly", "no")

    with pytest.raises(BadConfig, match="PRIVATE_KEY"):
        build_buyer(live(redis_server.url, tmp_path, "--accept-forgetful-server"), stop=threading.Event())


def test_a_server_that_does_not_tell_is_not_refused(redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    redis.config_set("appendonly", "no")
    redis.execute_command("ACL", "SETUSER", "app", "on", ">pw", "~*", "+@all", "-config")
    url = f"redis://app:pw@127.0.0.1:{redis_server.port}/0"

    with connect_redis(url) as managed:
        demand_memory(managed, live(url, tmp_path))


def test_paper_is_not_refused_on_a_forgetful_server(redis: Redis, redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    redis.config_set("appendonly", "no")

    build_buyer(parse_args(["--redis-url", redis_server.url, "--run-dir", str(tmp_path)]), stop=threading.Event())
