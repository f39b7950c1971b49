"""A primary with replicas and sentinels, of the bundled server and of this machine's own."""

from collections.abc import Generator
from pathlib import Path

import pytest

from benchmarks.rigs.sentinels import SentinelServers, debian_server
from ops.supervisor.embedded_redis import server_binary


@pytest.fixture(params=["valkey", "redis-server"])
def sentinels(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[SentinelServers]:
    binary = server_binary() if request.param == "valkey" else debian_server()
    if binary is None:
        pytest.skip("no redis-server on this machine: apt-get install redis-server")
    with SentinelServers(tmp_path, binary) as servers:
        yield servers
