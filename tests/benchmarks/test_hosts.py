"""The benchmark of hosts that are cut off, from end to end once: two hosts, a server between them, a short cut each."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import hosts
from benchmarks.rigs.beside import HERE
from benchmarks.rigs.hosts import namespaces
from benchmarks.rigs.processes import below, parents
from tests.waiting import wait_until


@pytest.mark.process
@pytest.mark.server
@pytest.mark.simulator
@pytest.mark.takes(45)
def test_hosts_that_are_cut_off_under_load_miss_nothing_and_do_nothing_twice(
    capsys: pytest.CaptureFixture[str],
) -> None:
    if reason := namespaces.why_not(delays=False):
        pytest.skip(reason)

    code = hosts.main(["--cut-s", "4", "--before-s", "3", "--lease-s", "2", "--sides", "switch"])

    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert {name: found[name] for name in hosts.ZEROS} == dict.fromkeys(hosts.ZEROS, 0)
    assert (code, found["holds"]) == (0, True)
    assert found["fills"] > 0
    assert [cut["host"] for cut in found["cuts"]] == ["host-a", "host-b"]


def test_where_no_namespaces_can_be_made_it_says_why_and_ends_well(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespaces, "_PLACES", "/nowhere")

    code = hosts.main([])

    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code == 0
    assert found["skipped"] == "no `unshare` on this machine: install util-linux"


@pytest.mark.process
@pytest.mark.server
@pytest.mark.simulator
@pytest.mark.takes(10)
def test_a_run_that_is_killed_leaves_no_process_and_so_no_namespace(tmp_path: Path) -> None:
    if reason := namespaces.why_not(delays=False):
        pytest.skip(reason)
    words = [sys.executable, "-m", "benchmarks.hosts", "--folder", str(tmp_path)]
    with subprocess.Popen(words, cwd=HERE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
        wait_until((tmp_path / "host-b" / "buyer.log").exists, "the second host began")

        started = below(run.pid)

        run.kill()

    wait_until(lambda: not parents().keys() & set(started), f"all of {started} have ended")
    assert len(started) > len(("unshared run", "server", "venue", "host", "host"))
