"""Two processes never take each other for themselves, whatever their machines are called (pitfall 52)."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shared.clock import ManualClock
from shared.process.process_name import host_of, installation_address, installation_id, process_address
from shared.redis.client import connect_redis
from shared.redis.lease import Lease

pytestmark = pytest.mark.pitfall(52)

ASK = "from shared.process.process_name import process_address; print(process_address())"


def test_a_process_keeps_its_address_and_names_its_host_and_number() -> None:
    assert process_address() == process_address()
    assert process_address().startswith(f"{socket.gethostname()}:{os.getpid()}.")


@pytest.mark.process
def test_another_start_has_another_address_even_with_the_same_number() -> None:
    told = [subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True) for _ in range(2)]

    first, second = (each.stdout.strip().rpartition(".")[2] for each in told)

    assert first != second


def test_an_installation_has_the_same_address_after_a_restart(tmp_path: Path) -> None:
    assert installation_address(tmp_path) == installation_address(tmp_path)
    assert host_of(installation_address(tmp_path)) == socket.gethostname()
    assert (tmp_path / "installation").stat().st_mode & 0o777 == 0o600


def test_two_installations_on_hosts_of_one_name_have_two(tmp_path: Path) -> None:
    assert installation_address(tmp_path / "a") != installation_address(tmp_path / "b")


def test_a_copy_of_a_machine_has_another_address_and_the_same_installation(tmp_path: Path) -> None:
    (tmp_path / "boot").write_text("another boot\n")
    original, copy = installation_address(tmp_path), installation_address(tmp_path, tmp_path / "boot")

    assert original != copy
    assert host_of(copy) == socket.gethostname()
    assert installation_id(tmp_path) == (tmp_path / "installation").read_text()


def test_where_nothing_can_be_kept_the_address_is_of_this_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")

    assert host_of(installation_address(tmp_path / "file")) == socket.gethostname()


def test_a_holder_of_an_older_release_still_names_its_host() -> None:
    assert host_of("trader.example.com") == "trader.example.com"
    assert host_of("0a1b2c3d.trader.example.com") == "trader.example.com"


@pytest.mark.server
def test_two_buyers_of_one_name_on_two_machines_of_one_name_are_one_active_and_one_standby(
    valkey_url: str, tmp_path: Path
) -> None:
    with connect_redis(valkey_url) as redis:
        one, other = (
            Lease(redis, "buyer:paper", f"buyer-0@{installation_address(tmp_path / name)}", clock=ManualClock())
            for name in ("here", "there")
        )

        assert one.try_acquire() == ""
        assert other.try_acquire() == one.holder
