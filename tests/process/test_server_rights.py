"""The rights of deploy/redis.acl are enough for every program and command, and each that is missing says so."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from ops.demo.demo import DemoWorld
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import SystemClock
from shared.domain.errors import BadConfig
from shared.messages.base import SIGNALS
from shared.redis.client import answering, connect_redis
from shared.redis.lease import Lease
from shared.redis.streams import publish_once
from tests.buyer.builders import a_signal
from tests.conftest import ROOT
from tests.process.test_shared_server import all_work, crowd

__all__ = ["crowd"]

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]
WORD = "of-the-pipeline"
RIGHTS = (ROOT / "deploy" / "redis.acl").read_text(encoding="ascii").replace("CHANGE-ME", WORD)
COMMANDS = (
    ("status", "--json"),
    ("leaders",),
    ("positions",),
    ("pnl",),
    ("trades",),
    ("why-not",),
    ("pause", "--mode", "paper"),
    ("flatten", "--why", "test", "--mode", "paper"),
    ("kill", "--mode", "paper"),
    ("resume", "--why", "test", "--mode", "paper", "--yes"),
    ("reconcile",),
    ("audit",),
)
ASKED: dict[str, Callable[[Redis], object]] = {
    "xadd": lambda redis: publish_once(redis, SIGNALS, a_signal(), fact="a:1"),
    "evalsha": lambda redis: publish_once(redis, SIGNALS, a_signal(), fact="a:1"),
    "hset": lambda redis: Lease(redis, "buyer:paper", "me", clock=SystemClock()).try_acquire(),
    "xreadgroup": lambda redis: redis.xreadgroup("g", "c", {SIGNALS: ">"}),
    "blmove": lambda redis: redis.blmove("rq:queue:a", "rq:b", 1),
    "hgetall": lambda redis: redis.hgetall("hs:pipeline"),
    "get": lambda redis: redis.get("other:key"),
}
"""What each right is for; the last is a key that is not ours."""


@pytest.fixture
def admin(redis_server: EmbeddedRedis) -> Iterator[Redis]:
    """Give a server where the pipeline's user has the rights of the file."""
    with connect_redis(redis_server.url) as redis:
        words = next(line for line in RIGHTS.splitlines() if line.startswith("user hybrid")).split()[2:]
        redis.execute_command("ACL", "SETUSER", "hybrid", *words)
        yield redis


@pytest.fixture
def url(redis_server: EmbeddedRedis) -> str:
    return f"redis://hybrid:{WORD}@127.0.0.1:{redis_server.port}/0"


@pytest.mark.takes(40)
def test_every_program_and_command_runs_with_exactly_these_rights(
    crowd: DemoWorld, admin: Redis, url: str, tmp_path: Path
) -> None:
    all_work(crowd, url, tmp_path)
    told = {**os.environ, **crowd.environment, "REDIS_URL": url}
    said = {
        words: subprocess.run(
            [sys.executable, "-m", "ops.cli", *words], cwd=ROOT, env=told, capture_output=True, text=True, check=False
        )
        for words in (*COMMANDS, ("follow", crowd.leaders[0]), ("unfollow", crowd.leaders[0]))
    }

    refused = [entry for entry in admin.acl_log() if "config" not in str(entry)]
    assert refused == []
    assert [f"{words[0]}: {one.stderr}" for words, one in said.items() if one.returncode] == []


@pytest.mark.parametrize("right", ASKED)
def test_a_right_that_is_missing_is_one_line_with_the_fix(admin: Redis, url: str, right: str) -> None:
    if right != "get":
        admin.execute_command("ACL", "SETUSER", "hybrid", f"-{right}")

    with pytest.raises(BadConfig) as caught, connect_redis(url) as redis, answering(redis):
        ASKED[right](redis)

    said = str(caught.value)
    assert len(said.splitlines()) == 1
    assert "deploy/redis.acl" in said
    assert right in said or "key" in said
    assert WORD not in said
