"""`hybrid diagnose`: everything that helps, and no byte of a key, whatever form it took and wherever it stood."""

import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.setup import diagnose
from ops.setup.domain.bundle_redaction import BundleRedactor
from ops.setup.known_secrets import find_secrets
from shared.domain.errors import BadConfig, RefusedForSafety
from shared.messages.base import DECISIONS, SERVICE
from shared.redis.client import connect_redis
from simulator import Settings, Simulator, WallClock, serve
from tests.ops.setup import planted_keys as planted
from tests.ops.setup.local_venue import settle_in, venue_settings

pytestmark = [pytest.mark.server, pytest.mark.simulator, pytest.mark.pitfall(30)]

TX, TOKEN = "0x" + "5e" * 32, "1" * 77


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with serve(Settings(fills_per_minute=0), WallClock()) as world:
        yield world


@pytest.fixture
def env_file(sim: Simulator, valkey_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Give an installation whose settings, files, events and logs are full of secrets."""
    settle_in(monkeypatch, tmp_path / "var", {})
    for name, text in {
        "keystore.json": json.dumps(planted.KEYSTORE),
        "password.txt": planted.KEYSTORE_PASSWORD,
    }.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    settings = {**venue_settings(sim), **planted.INSTALLED, "REDIS_URL": valkey_url}
    settings |= {"TRACKED_WALLETS": sim.leaders[0].address, "RPC_URL": f"{sim.urls['rpc_url']}/{planted.RPC_KEY}"}
    settings |= {"PRIVATE_KEY_PASSWORD_FILE": str(tmp_path / "password.txt")}
    file = tmp_path / "my.env"
    file.write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()))
    file.chmod(0o600)
    monkeypatch.setenv("HYBRID_ENV_FILE", str(file))
    monkeypatch.setenv("PRIVATE_KEY_FILE", str(tmp_path / "keystore.json"))
    monkeypatch.setenv("SOME_OTHER_PASSWORD", planted.REDIS_PASSWORD)
    _spill(valkey_url, tmp_path / "var" / "log")
    return file


def _spill(url: str, logs: Path) -> None:
    logs.mkdir(parents=True)
    (logs / "buyer.log").write_text("\n".join(planted.log_lines()) + "\nthe last line says nothing\n")
    with connect_redis(url) as redis:
        lines = planted.log_lines()
        for line in lines:
            redis.xadd(
                SERVICE, {"event": "SERVICE_STOP", "json": json.dumps({"event": "SERVICE_STOP", "reason": line})}
            )
        fact: dict[str, object] = {
            "event": "X",
            "tx_hash": TX,
            "token_id": TOKEN,
            "id": f"0x{planted.HEX}",
            lines[0][:40]: planted.forms(planted.HEX),
        }
        redis.xadd(DECISIONS, {"event": "X", "json": json.dumps(fact)})
        redis.xadd(DECISIONS, {"event": "X", "json": "no JSON: " + planted.OTHER_HEX})


def packed(env_file: Path, out: Path) -> dict[str, str]:
    said: list[str] = []
    assert diagnose.main(str(env_file), out, [], limit_s=3, tell=said.append) == 0
    assert "nothing was sent" in said[0]
    with tarfile.open(out) as bundle:
        return {each.name.partition("/")[2]: _text(bundle, each) for each in bundle.getmembers()}


def _text(bundle: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    opened = bundle.extractfile(member)
    assert opened is not None
    return opened.read().decode()


def test_no_byte_of_a_key_is_in_a_bundle_and_what_helps_is(env_file: Path, tmp_path: Path) -> None:
    members = packed(env_file, tmp_path / "out.tar.gz")

    for name, text in members.items():
        low = text.lower()
        left = {(secret, run) for secret in planted.SECRETS for run in planted.windows(secret) if run in low}
        assert not left, (name, sorted(left)[:5])
    assert {"versions.json", "settings.json", "doctor.json", "status.json", "server.json"} <= members.keys()
    assert "the last line says nothing" in members["logs/buyer.log"]
    decisions = members["events/hs-decisions.jsonl"]
    assert TX in decisions
    assert TOKEN in decisions
    settings = json.loads(members["settings.json"])["buyer"]
    assert settings["STAKE_USDC"] == {"value": "5", "from": "default"}
    assert settings["CLOB_URL"]["from"] == str(env_file)
    assert settings["PRIVATE_KEY_FILE"]["from"] == "environment"
    assert json.loads(members["doctor.json"])["event"] == "DOCTOR"
    assert json.loads(members["server.json"])["server"]["server_name"] == "valkey"
    assert (tmp_path / "out.tar.gz").stat().st_mode & 0o777 == 0o600


def test_where_there_is_no_server_the_rest_is_packed(
    env_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")

    members = packed(env_file, tmp_path / "out.tar.gz")

    assert "not_known" in json.loads(members["status.json"])
    assert "the last line" in members["logs/buyer.log"]


def test_a_bundle_is_never_written_over_another_file(env_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out.tar.gz").write_text("mine")

    with pytest.raises(BadConfig, match="--out"):
        packed(env_file, tmp_path / "out.tar.gz")

    assert (tmp_path / "out.tar.gz").read_text() == "mine"


def test_a_part_that_would_hold_a_secret_stops_the_whole_bundle(tmp_path: Path) -> None:
    file = tmp_path / "out.tar.gz"

    with pytest.raises(RefusedForSafety, match=r"notes\.txt would hold a secret"):
        diagnose.write_bundle(file, [("notes.txt", f"it is {planted.HEX}")], BundleRedactor([planted.HEX]))

    assert not file.exists()


def test_the_installation_s_secrets_are_known(env_file: Path, tmp_path: Path) -> None:
    known = find_secrets(str(env_file), tmp_path / "var")

    for secret in (f"0x{planted.HEX}", planted.API_SECRET, planted.KEYSTORE_PASSWORD, planted.OTHER_HEX[::-1]):
        assert secret in known
    assert planted.RPC_KEY in known
    assert any(planted.TELEGRAM in each for each in known)


@pytest.mark.parametrize(
    "text",
    [
        "0x72bcf7a1056493d74901b6764897260c331197c3 is the Safe of 0x1C5A77d9FA7eF466951B2F01F724BCa3A5820b63",
        "BUY_ENGINE_DECISION of will-avery-win-the-final-2026 at 2026-11-30T13:52:12.176044Z, day_cap 200",
        "MAX_DAY_USDC='-1': Input should be greater than 0 (Most pUSD spent in one UTC day, open intents included.)",
        'File "ops/setup/checks/upstreams.py", line 120, in data_api_words',
    ],
)
def test_what_is_no_secret_stays_to_the_letter(text: str) -> None:
    assert BundleRedactor(["something else"]).text(text) == text
