"""A forked program is to its test what a started one is."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.running.warm_process import WarmProcess, run_warm

pytestmark = pytest.mark.process

MODULE = "tests.running.told_program"
TOLD = {**os.environ, "SAID": "so"}


def test_words_environment_folder_pipes_and_exit_code_are_its_own(tmp_path: Path) -> None:
    with WarmProcess(
        [MODULE, "a", "b c"],
        env=TOLD,
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        out, log = process.communicate("asked")

    assert out == f"['a', 'b c'] so {tmp_path} __main__\n"
    assert log == "asked\n"
    assert process.returncode == 3


def test_it_is_a_child_of_the_tests_in_its_own_group_and_dies_of_a_kill() -> None:
    with WarmProcess(
        [MODULE, "wait"], env=TOLD, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    ) as one:
        assert one.stdout is not None
        assert one.stdout.readline()
        group = os.getpgid(one.pid)
        one.kill()
        code = one.wait(10)

    assert group == one.pid
    assert code == -signal.SIGKILL


def test_two_run_at_once_and_none_holds_the_pipe_of_the_other() -> None:
    with (
        WarmProcess([MODULE], env=TOLD, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first,
        WarmProcess([MODULE, "wait"], env=TOLD, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as second,
    ):
        first.communicate("", timeout=30)
        ended, runs = first.returncode, second.poll()
        second.kill()

    assert (ended, runs) == (3, None)


def test_a_program_that_ends_by_an_error_shows_it() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "SAID"}

    told = run_warm(MODULE, env=environment)

    assert told.returncode == 1
    assert told.stderr.splitlines()[-1] == "KeyError: 'SAID'"
