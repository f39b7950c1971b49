"""What is published, and where we write, gives nothing away and takes nothing over."""

from pathlib import Path

import pytest

from redeemer.config import parse_args
from shared.domain.errors import BadConfig
from shared.process.instance_lock import instance_lock

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.pitfall(30)
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://xxx.quiknode.pro/{KEY}/", "https://xxx.quiknode.pro/***"),
        (f"https://rpc.ankr.com/polygon/{KEY}", "https://rpc.ankr.com/***"),
        (f"https://lb.drpc.org/ogrpc?network=polygon&dkey={KEY}", "https://lb.drpc.org/***"),
        (f"https://user:{KEY}@node.example:8545", "https://node.example:8545"),
        (f"https://node.example?key={KEY}", "https://node.example"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
    ],
)
def test_no_key_in_a_url_is_published(url: str, shown: str) -> None:
    assert parse_args(["--rpc-url", url]).published()["rpc_url"] == shown


@pytest.mark.pitfall(30)
def test_no_password_of_the_server_is_published() -> None:
    settings = parse_args(["--redis-url", f"rediss://me:{KEY}@host:6380/2?password={KEY}"])
    plain = parse_args(["--redis-url", f"rediss://me:{KEY}@host:6380/2"])

    assert KEY not in str(settings.published())
    assert plain.published()["redis_url"] == "rediss://host:6380/2"


def test_a_lock_does_not_follow_a_link_somebody_left_in_a_shared_folder(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "buyer-0.lock").symlink_to(precious)

    with pytest.raises(BadConfig, match="RUN_DIR"), instance_lock("buyer-0", tmp_path):
        pass

    assert precious.read_text() == "mine"


def test_a_lock_and_its_folder_are_the_owners_alone(tmp_path: Path) -> None:
    with instance_lock("buyer-0", tmp_path / "run") as path:
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
