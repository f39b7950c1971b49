"""Programs under `up` begin as forks of one process: known to `ps`, told only what is theirs, started again alone."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.supervisor import prefork
from ops.supervisor.child import ChildProgram
from shared.domain.errors import BadConfig
from tests.ops.supervisor.stage import CLOCK, Stage
from tests.waiting import wait_until

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux hands forks to a grandparent")
pytestmark = [pytest.mark.process, LINUX]
KEY = "0x" + "5e" * 32


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("PRIVATE_KEY", KEY)
    stage = Stage(tmp_path)
    yield stage
    stage.end()


def process_file(pid: int, name: str) -> list[str]:
    return Path(f"/proc/{pid}/{name}").read_text().rstrip("\0").split("\0")


def is_fork(pid: int) -> bool:
    """Say whether a process is a fork: the environment that it was executed with has no setting and no key."""
    return not any(KEY in word for word in process_file(pid, "environ"))


def test_forks_stand_in_ps_below_us_as_if_each_were_started_by_itself(stage: Stage) -> None:
    stage.run(detector="wait", buyer="wait")
    wait_until(lambda: "waiting" in stage.did("detector") and "waiting" in stage.did("buyer"))

    for name in ("detector", "buyer"):
        pid = stage.pid(name)
        assert is_fork(pid)
        assert process_file(pid, "cmdline")[:4] == [sys.executable, "-m", "programs", "wait"]
        assert f"PPid:\t{os.getpid()}\n" in Path(f"/proc/{pid}/status").read_text()
        assert os.getsid(pid) == pid, "the terminal's Ctrl-C does not reach it"


def test_only_the_fork_itself_is_told_a_key(stage: Stage) -> None:
    stage.run(buyer="tell-key")

    wait_until(lambda: "waiting" in stage.did("buyer"))

    assert KEY in stage.did("buyer")
    assert is_fork(stage.pid("buyer"))


def test_a_killed_fork_is_started_again_by_itself_with_the_code_of_then(stage: Stage) -> None:
    stage.run(detector="wait", buyer="wait")
    wait_until(lambda: "waiting" in stage.did("buyer"))

    os.kill(stage.pid("buyer"), signal.SIGKILL)
    wait_until(lambda: stage.did("buyer").count("waiting") == 2)

    assert not is_fork(stage.pid("buyer"))
    assert is_fork(stage.pid("detector"))


def test_the_exit_code_and_the_last_line_of_a_fork_are_those_of_its_program(stage: Stage) -> None:
    stage.run(detector="wait", buyer="misconfigured")

    wait_until(stage.ended)

    assert isinstance(stage.error, BadConfig)
    assert "STAKE_USDC='x'" in str(stage.error)


def test_programs_start_one_by_one_when_the_process_that_forks_is_killed(stage: Stage) -> None:
    stage.run(module="import_kills", detector="wait", buyer="wait")

    wait_until(lambda: "waiting" in stage.did("detector") and "waiting" in stage.did("buyer"))

    assert not is_fork(stage.pid("detector"))
    assert [child.starts for child in stage.children] == [1, 1]


def test_a_program_that_cannot_be_imported_says_so_itself(stage: Stage) -> None:
    stage.run(module="no_such_program", buyer="wait")

    wait_until(lambda: any("no_such_program" in line for _, line in stage.lines))


def test_nothing_begins_when_told_to_stop_before_the_forks_are_there(tmp_path: Path) -> None:
    told = threading.Event()
    told.set()

    assert not prefork.start_forks([ChildProgram("buyer", "programs", {}, ("wait", str(tmp_path / "x")))], CLOCK, told)

    assert not (tmp_path / "x").exists()
