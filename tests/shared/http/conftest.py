"""A local server, a gate before it, and an upstream that speaks to it."""

import threading
from collections.abc import Generator

import fakeredis
import pytest

from shared.clock import SystemClock
from shared.http.client import Upstream
from shared.rate_limit.gate import GateLimits, RateGate
from tests.shared.http.local_server import Server
from tests.waiting import PATIENCE_S


@pytest.fixture
def server() -> Generator[Server]:
    built = Server()
    thread = threading.Thread(target=lambda: built.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    yield built
    built.closing.set()
    built.shutdown()
    built.server_close()
    thread.join(timeout=PATIENCE_S)


@pytest.fixture
def gate() -> Generator[RateGate]:
    redis = fakeredis.FakeRedis(decode_responses=True)
    yield RateGate(redis, "data", GateLimits(1000, burst=100), clock=SystemClock())
    redis.close()


@pytest.fixture
def upstream(server: Server, gate: RateGate) -> Generator[Upstream]:
    built = Upstream("data", server.url, [gate], clock=SystemClock(), stop=threading.Event(), timeout_s=0.5)
    yield built
    built.close()
