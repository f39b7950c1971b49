"""`hybrid up` is a process that has imported its programs: it and its forks share that memory, and no secret."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.supervisor.up import PROGRAMS
from shared.clock import SystemClock
from tests.running.warm_venue import simulator
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [
    pytest.mark.process,
    pytest.mark.server,
    pytest.mark.simulator,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux hands forks to a grandparent"),
]
KEY = "0x" + "5e" * 32
SHARED_KB = 15_000


@pytest.fixture
def up(tmp_path: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """Give a pipeline as an operator starts it, not one that is forked for a test; its folder is `tmp_path / var`."""
    words = [sys.executable, "-m", "ops.cli", "up", "--data-dir", str(tmp_path / "var")]
    with simulator(SystemClock(), "--leaders", "2", "--seed", "7") as venue:
        told = {**venue.environment, "PRIVATE_KEY": KEY, "HEALTH_PORT": "0", "HYBRID_ENV_FILE": "", "REDIS_URL": ""}
        env = {**os.environ, **told, "RUN_DIR": str(tmp_path), "HYBRID_DIE_WITH_PARENT": str(os.getpid())}
        process = subprocess.Popen(words, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        yield process
        process.terminate()
        process.wait(PATIENCE_S)


def forks_of(pid: int) -> dict[str, int]:
    """Return the programs below a process, by the module that `ps` shows."""
    found: dict[str, int] = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        words = Path(f"/proc/{child}/cmdline").read_text().split("\0")
        found |= {words[2]: int(child)} if words[1:2] == ["-m"] else {}
    return found


def shared_kb(pid: int) -> int:
    found = re.search(r"Shared_Dirty:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text())
    return int(found[1]) if found else 0


def test_up_and_its_programs_share_what_they_import_and_none_was_executed_with_a_key(
    up: "subprocess.Popen[bytes]",
) -> None:
    modules = {module for _, module in PROGRAMS}

    wait_until(lambda: modules <= forks_of(up.pid).keys(), "the programs run")

    pids = [up.pid, *forks_of(up.pid).values()]
    assert all(shared_kb(pid) > SHARED_KB for pid in pids)
    assert not any(KEY in Path(f"/proc/{pid}/environ").read_text() for pid in pids)
    assert Path(f"/proc/{up.pid}/cmdline").read_text().split("\0")[1:4] == ["-m", "ops.cli", "up"]


def test_told_to_stop_while_it_begins_anew_it_leaves_nothing(up: "subprocess.Popen[bytes]", tmp_path: Path) -> None:
    wait_until(lambda: "warm_start" in Path(f"/proc/{up.pid}/cmdline").read_text(), "it begins anew")

    os.kill(up.pid, signal.SIGTERM)

    assert up.wait(15) in {0, -signal.SIGTERM}
    assert not (tmp_path / "var" / "redis.url").exists()
