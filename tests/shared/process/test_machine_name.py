"""Two machines of one name are told apart, and each start from the one before."""

from pathlib import Path

import pytest

from shared.clock import ManualClock
from shared.process.machine_name import host_of, installation_name, start_name
from shared.redis.client import connect_redis
from shared.redis.lease import Lease


@pytest.mark.pitfall(52)
def test_equal_host_names_make_different_installations_each_the_same_after_a_restart(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"

    assert installation_name(one) == installation_name(one)
    assert installation_name(one) != installation_name(other)
    assert host_of(f"buyer-0@{installation_name(one)}") == host_of(f"buyer-0@{installation_name(other)}")


@pytest.mark.pitfall(52)
def test_no_two_starts_have_one_name() -> None:
    assert start_name("buyer") != start_name("buyer")


@pytest.mark.pitfall(52)
def test_a_folder_that_cannot_be_written_gives_a_name_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "~" in installation_name(tmp_path / "file" / "below")


@pytest.mark.server
@pytest.mark.pitfall(52)
def test_a_buyer_of_the_same_host_name_elsewhere_does_not_take_the_lease(valkey_url: str, tmp_path: Path) -> None:
    redis, clock = connect_redis(valkey_url), ManualClock()
    names = [f"buyer-0@{installation_name(tmp_path / folder)}" for folder in ("here", "there", "here")]
    here, there, again = (Lease(redis, "buyer:live", name, clock=clock) for name in names)

    assert here.try_acquire() == ""
    assert there.try_acquire() == names[0]
    assert again.try_acquire() == ""
