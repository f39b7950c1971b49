"""The live recipe of the README, as it stands there, against the local venue."""

import os
import shlex
import subprocess
from pathlib import Path

import pytest
import requests
from eth_account import Account

from shared.setting_names import KNOWN
from tests.process.conftest import CLOCK, ROOT
from tests.running.warm_process import WarmProcess
from tests.running.warm_venue import simulator
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator, pytest.mark.pitfall(25)]

KEY = "15" * 32
WORLD = ("--leaders", "3", "--speed", "4", "--fills-per-minute", "60", "--seed", "7")


def hybrid(words: str, folder: Path) -> "subprocess.Popen[str]":
    """Start a command of the README in a folder, as `.venv/bin/hybrid` is."""
    env = {name: value for name, value in os.environ.items() if name not in KNOWN and name != "HYBRID_ENV_FILE"}
    log = (folder / f"{shlex.split(words)[0]}.log").open("w")
    with log:
        return WarmProcess(
            ["ops.cli", *shlex.split(words)],
            cwd=folder,
            env={**env, "PYTHONPATH": str(ROOT), "HYBRID_DIE_WITH_PARENT": str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def done(words: str, folder: Path) -> int:
    return hybrid(words, folder).wait(PATIENCE_S)


@pytest.mark.takes(12)
def test_from_nothing_to_a_live_order_by_the_commands_of_the_readme(tmp_path: Path) -> None:
    recipe = (ROOT / "README.md").read_text(encoding="utf-8")
    for command in ("hybrid init --live", "hybrid doctor", "hybrid up --live --no-dry-run"):
        assert command in recipe
    key = tmp_path / "key.txt"
    key.write_text(KEY)
    key.chmod(0o600)
    with simulator(CLOCK, *WORLD, "--fund", f"{Account.from_key(KEY).address}:500:deposit") as venue:
        base, leaders = str(venue.urls["base"]), ",".join(venue.leaders)
        assert done(f"init --yes --venue {base} --leaders {leaders} --budget usual", tmp_path) == 0
        assert done(f"init --yes --live --overwrite yes --key-file {key}", tmp_path) == 0
        assert done("doctor", tmp_path) == 0, (tmp_path / "doctor.log").read_text()
        assert done("up --live", tmp_path) == 4

        up = hybrid("up --live --no-dry-run", tmp_path)
        try:
            orders = f"{venue.urls['control_url']}/orders"
            wait_until(lambda: requests.get(orders, timeout=PATIENCE_S).json()["orders"], "a live order")
            assert "redeemer_left_out" in (tmp_path / "up.log").read_text()
            assert done('kill --why "stop"', tmp_path) == 0
        finally:
            up.terminate()
            code = up.wait(PATIENCE_S)
    assert code == 0, (tmp_path / "up.log").read_text()[-3000:]
