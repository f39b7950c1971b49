"""A primary with replicas and sentinels, of the bundled server and of this machine's own."""

from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from benchmarks.rigs.failovers.nodes import debian_server
from benchmarks.rigs.failovers.sentinels import SentinelServers
from ops.supervisor.embedded_redis import server_binary
from shared.redis.client import connect_redis

Connect = Callable[..., Redis]


@pytest.fixture(params=["valkey", "redis-server"])
def sentinels(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[SentinelServers]:
    binary = server_binary() if request.param == "valkey" else debian_server()
    if binary is None:
        pytest.skip("no redis-server on this machine: apt-get install redis-server")
    with SentinelServers(tmp_path, binary) as servers:
        yield servers


@pytest.fixture
def connected() -> Generator[Connect]:
    """Give `connect_redis` whose clients are closed at the end."""
    with ExitStack() as stack:

        def connect(url: str, **options: Any) -> Redis:
            return stack.enter_context(connect_redis(url, **options))

        yield connect
