"""Every key of a pipeline goes out under its prefix, and nothing else changes."""

from typing import Any

import pytest

from shared.clock import ManualClock
from shared.domain.errors import BadConfig
from shared.messages.base import SIGNALS
from shared.redis.client import LuaScript, bare_key, server_address
from shared.redis.connection.key_prefix import PrefixPacker, take_prefix, with_prefix
from shared.redis.consumer_group import GroupReader
from shared.redis.streams import follow_streams, publish_once, stream_tail
from tests.buyer.builders import a_signal
from tests.shared.redis.connection.conftest import Connect

ALPHA = "{alpha}:"


@pytest.mark.parametrize(
    ("command", "prefixed"),
    [
        (("GET", "hs:a"), ("hs:a",)),
        (("SET", "hs:a", "hs:not-a-key"), ("hs:a",)),
        (("EVALSHA", "sha", 2, "hs:a", "rq:b", "hs:word"), ("hs:a", "rq:b")),
        (("XREADGROUP", "GROUP", "hs:g", "c", "STREAMS", "hs:a", "hs:b", ">", ">"), ("hs:a", "hs:b")),
        (("XGROUP CREATE", "hs:a", "g", "0"), ("hs:a",)),
        (("XINFO", "STREAM", "hs:a"), ("hs:a",)),
        (("DEL", "hs:a", "rq:b", "others"), ("hs:a", "rq:b")),
        (("SCAN", "0", "MATCH", "hs:paper:*"), ("hs:paper:*",)),
        (("BLMOVE", "rq:a", "rq:b", "LEFT", "RIGHT", "1"), ("rq:a", "rq:b")),
        (("CONFIG GET", "maxmemory"), ()),
        (("PING",), ()),
    ],
)
def test_keys_get_the_prefix_and_words_do_not(command: tuple[Any, ...], prefixed: tuple[str, ...]) -> None:
    (packed,) = PrefixPacker(ALPHA).pack(*command)

    words = packed.decode().split("\r\n")[2::2]
    assert [word.removeprefix(ALPHA) for word in words if word.startswith(ALPHA)] == list(prefixed)
    assert [word.removeprefix(ALPHA) for word in words] == [
        part for word in command for part in (str(word).split() if word is command[0] else [str(word)])
    ]


def test_a_url_carries_the_prefix_and_the_one_it_has_stays() -> None:
    assert with_prefix("redis://h:1/0", "") == "redis://h:1/0"
    assert with_prefix("redis://h:1/0?db=1", "alpha") == "redis://h:1/0?db=1&hs_prefix=alpha"
    assert with_prefix("redis://h:1/0?hs_prefix=beta", "alpha") == "redis://h:1/0?hs_prefix=beta"
    assert take_prefix("redis://h:1/0?hs_prefix=beta&db=1") == ("redis://h:1/0?db=1", "{beta}:")


@pytest.mark.parametrize("wrong", ["{alpha}", "a b", "a:b", "*", "x" * 65])
def test_a_prefix_that_cannot_be_one_is_refused(wrong: str) -> None:
    with pytest.raises(BadConfig, match=r"HS_PREFIX=.* letters, digits"):
        with_prefix("redis://h:1/0", wrong)


@pytest.mark.server
def test_two_pipelines_share_a_server_and_see_nothing_of_each_other(valkey_url: str, connected: Connect) -> None:
    alpha, beta = (connected(with_prefix(valkey_url, name), blocking_s=1) for name in ("alpha", "beta"))
    plain = connected(valkey_url)
    event = a_signal()

    told = publish_once(alpha, SIGNALS, event, fact="a:1")
    reader = GroupReader(alpha, SIGNALS, "g", "c", clock=ManualClock(), block_ms=1)
    position = {SIGNALS: "0-0"}

    assert [entry.id for entry in reader.read() or reader.read()] == [told.value]
    assert [entry.stream for entry in follow_streams(alpha, position, block_ms=1)] == [SIGNALS]
    assert position == {SIGNALS: told.value}
    assert stream_tail(beta, SIGNALS, 5) == []
    keys = [str(key) for key in plain.keys("*")]
    assert keys
    assert all(key.startswith("{alpha}:hs:") for key in keys)
    assert {bare_key(alpha, key) for key in keys} >= {SIGNALS}
    assert server_address(alpha).endswith("/0 (HS_PREFIX=alpha)")


@pytest.mark.server
def test_a_script_gets_its_keys_under_the_prefix(valkey_url: str, connected: Connect) -> None:
    alpha = connected(with_prefix(valkey_url, "alpha"))
    script = LuaScript(alpha, "return KEYS[1] .. ARGV[1]")

    assert script(["hs:a"], ["hs:b"]) == "{alpha}:hs:ahs:b"
