"""What is refused before anything starts: keys that others can read, venues that anybody on the way can be."""

from pathlib import Path

import pytest

from buyer.config import parse_args as buyer_args
from detector.config import parse_args as detector_args
from redeemer.config import parse_args as redeemer_args
from shared.domain.errors import RefusedForSafety
from shared.domain.exit_codes import REFUSED_FOR_SAFETY, exit_code
from shared.process import instance_lock as locks
from shared.process.instance_lock import instance_lock

pytestmark = pytest.mark.pitfall(30)

LEADER = "0x" + "1a" * 20


def an_env_file(folder: Path, text: str, mode: int) -> list[str]:
    file = folder / "settings"
    file.write_text(text)
    file.chmod(mode)
    return ["--env-file", str(file)]


@pytest.mark.parametrize("name", ["PRIVATE_KEY", "API_SECRET", "RELAYER_API_KEY"])
def test_a_readable_file_with_a_key_is_refused_with_the_fix_and_shows_nothing(tmp_path: Path, name: str) -> None:
    with pytest.raises(RefusedForSafety, match=f"{name}.*chmod 600") as refused:
        buyer_args(an_env_file(tmp_path, f"{name}=hunter2\n", 0o644))

    assert "hunter2" not in str(refused.value)
    assert exit_code(refused.value) == REFUSED_FOR_SAFETY


def test_a_file_of_the_owners_alone_and_one_without_a_key_are_read(tmp_path: Path) -> None:
    assert buyer_args(an_env_file(tmp_path, "API_SECRET=hunter2\n", 0o600)).api_secret
    assert buyer_args(an_env_file(tmp_path, "API_SECRET=\nSTAKE_USDC=7\n", 0o644)).stake_usdc == 7


@pytest.mark.parametrize(
    ("flag", "url"),
    [
        ("--clob-url", "http://clob.example"),
        ("--rpc-url", "http://10.0.0.5:8545"),
        ("--clob-user-url", "ws://clob.example/ws"),
        ("--gamma-url", "HTTP://gamma.example"),
    ],
)
def test_a_venue_or_node_without_tls_on_another_machine_is_refused(flag: str, url: str) -> None:
    with pytest.raises(RefusedForSafety, match=f"{flag[2:].upper().replace('-', '_')}.*ALLOW_PLAIN_HTTP"):
        buyer_args([flag, url])
    assert buyer_args([flag, url, "--allow-plain-http"])


def test_every_program_refuses_it() -> None:
    with pytest.raises(RefusedForSafety, match="RPC_URL"):
        redeemer_args(["--rpc-url", "http://node.example"])
    with pytest.raises(RefusedForSafety, match="RPC_URL"):
        detector_args(["--tracked-wallet", LEADER, "--rpc-url", "http://node.example"])


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8545", "http://localhost:1", "http://[::1]:1", "https://node.example"]
)
def test_this_machine_and_tls_are_fine(url: str) -> None:
    assert redeemer_args(["--rpc-url", url]).rpc_url == url


def test_a_run_folder_of_somebody_else_is_refused_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks.os, "getuid", lambda: tmp_path.stat().st_uid + 1)

    with pytest.raises(RefusedForSafety, match=r"belongs to user.*RUN_DIR"), instance_lock("buyer-0", tmp_path):
        pass


def test_on_paper_nobody_holds_a_key() -> None:
    settings = buyer_args(["--private-key", "11" * 32, "--api-secret", "hunter2"]).without_keys()

    assert (settings.private_key, settings.api_secret, settings.private_key_file) == (None, None, None)
    assert redeemer_args(["--relayer-api-key", "hunter2"]).without_keys().relayer_api_key is None
