"""A thread's own connection: kept from command to command, opened again when the server closed it."""

import threading

import pytest
from redis.exceptions import ResponseError

from shared.redis.client import connect_redis
from shared.redis.own_line import OwnLine

pytestmark = pytest.mark.server


def test_each_thread_has_one_connection_and_keeps_it(valkey_url: str) -> None:
    line, seen = OwnLine(connect_redis(valkey_url)), list[int]()

    def ask_twice() -> None:
        seen.extend(line.ask("CLIENT", "ID") for _ in range(2))

    for _ in range(2):
        thread = threading.Thread(target=ask_twice)
        thread.start()
        thread.join()

    assert seen[0] == seen[1]
    assert seen[2] == seen[3]
    assert seen[0] != seen[2]


def test_one_that_the_server_closed_meanwhile_is_opened_again(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    line = OwnLine(redis)
    first = line.ask("CLIENT", "ID")

    redis.client_kill_filter(_id=str(first))

    assert line.ask("CLIENT", "ID") != first


def test_an_error_of_the_server_is_raised_and_leaves_the_connection_good(valkey_url: str) -> None:
    line = OwnLine(connect_redis(valkey_url))
    first = line.ask("CLIENT", "ID")

    with pytest.raises(ResponseError):
        line.ask("HGET", "too few")

    assert line.ask("CLIENT", "ID") == first
