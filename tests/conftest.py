"""What every tier shares: a real server, the place of the real data, the local venue."""

import gc
import logging
import os
import re
import socket
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import settings

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.redis.client import connect_redis
from tests.running.longest_first import deal_longest

ROOT = Path(__file__).resolve().parent.parent
WITH_SOCKETS = ("server", "simulator", "process", "sockets", "evm", "sdk")
"""The tiers that speak to somebody, if only on this machine; all else needs no network, loopback included."""
OF_ONE_TIER = re.compile(r"^pytestmark = (.+)$", re.MULTILINE)

# What a developer keeps in a .env of this folder reaches no test.
os.environ["HYBRID_ENV_FILE"] = ""

# Machines are noisy: how long an example took says nothing. In CI every run tries the same examples.
settings.register_profile("ours", deadline=None, max_examples=40, derandomize=os.environ.get("CI") == "true")
settings.register_profile(
    "quick", settings.get_profile("ours"), max_examples=15
)  # the fast tier: `make test` tries all
settings.register_profile("thorough", deadline=None, max_examples=2000)  # pytest --hypothesis-profile=thorough
settings.load_profile("ours")


# What collecting makes lives to the end: looking for garbage in it, again and again, takes a tenth of the fast tier.
gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage in what tests make, and in nothing else."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what is all of a tier that `-m "not ..."` rules out, folders too: importing it takes seconds."""
    ruled_out = frozenset(re.findall(r"not (\w+)", str(config.getoption("markexpr"))))
    if not ruled_out:
        return None
    files = [collection_path] if collection_path.suffix == ".py" else [*collection_path.rglob("test_*.py")]
    return True if files and all(ruled_out & _tiers_of(file) for file in files) else None


@cache
def _tiers_of(file: Path) -> frozenset[str]:
    marks = OF_ONE_TIER.search(file.read_text(encoding="utf-8"))
    return frozenset(re.findall(r"mark\.(\w+)", marks[1]) if marks else ())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the workers begin with the longest tests; alone, the order is that of the files."""
    workers = getattr(config, "workerinput", {}).get("workercount", 1)
    if workers > 1:
        items[:] = deal_longest([(item, _seconds_of(item)) for item in items], workers)


def _seconds_of(item: pytest.Item) -> float:
    marker = item.get_closest_marker("takes")
    return float(marker.args[0]) if marker else 0


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Leave the process's logging as it was: a run in this process sets it, and the next test reads its lines."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail a test of the fast tier that connects to anything but a file of this machine."""
    connect = socket.socket.connect
    if any(request.node.get_closest_marker(tier) for tier in WITH_SOCKETS):
        return

    def refuse(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            pytest.fail(f"the fast tier has no network, and this connects to {address}: mark the test `sockets`")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def _session_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """One server for the whole run; tests see it flushed. No sync: speed, not durability, is wanted here."""
    with EmbeddedRedis(tmp_path_factory.mktemp("valkey"), fsync="off") as server:
        yield server


@pytest.fixture
def valkey_url(_session_server: EmbeddedRedis) -> str:
    """Give the URL of a real, empty server."""
    with connect_redis(_session_server.url) as client:
        client.flushall()
        client.script_flush()
    return _session_server.url


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """Give a durable server of the test's own, to kill and restart."""
    with EmbeddedRedis(tmp_path / "valkey") as server:
        yield server


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of captured payloads, or skip and say why; with CI=true and the folder there, tests must run."""
    folder = Path(os.environ.get("HYBRID_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no captured payloads: HYBRID_REAL_DATA={folder} is not a folder")
    return folder
