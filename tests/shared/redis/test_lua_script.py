"""A script is loaded when the server does not know it, and its answer is read as its own."""

from pathlib import Path

import fakeredis
import pytest
from redis import Redis
from redis.exceptions import (
    ResponseError,
)

from shared.domain.errors import Unavailable
from shared.redis.client import LuaScript, connect_redis


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
