"""`hybrid init --yes`: flags answer, each checked as a person's answer is; the file is whole or as it was."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import simulator
from ops.setup.domain.leader_answer import read_answer
from ops.setup.guide import init
from ops.setup.guide.env_writer import read_settings, write_settings
from ops.setup.guide.leader_look import LeaderLook, look_at
from ops.setup.guide.questions import Questions
from ops.setup.readable_settings import settings_of
from shared.clock import SystemClock
from shared.config import Settings
from shared.domain.errors import BadConfig
from shared.polymarket.wire.wallets import wallets_of
from simulator import Simulator, WallClock, serve
from tests.ops.setup.local_venue import settle_in, venue_settings
from tests.ops.setup.typed_terminal import ROOT
from tests.ops.setup.webhook import answering
from tests.waiting import PATIENCE_S, wait_until

pytestmark = [pytest.mark.simulator]


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with serve(simulator.Settings(fills_per_minute=0), WallClock()) as world:
        yield world


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settle_in(monkeypatch, tmp_path / "var", {})


def run(sim: Simulator, file: Path, **flags: str) -> str:
    said: list[str] = []
    given = {"leaders": sim.leaders[0].address, **{name.replace("_", "-"): value for name, value in flags.items()}}
    init.main(Questions(given, yes=True, tell=said.append), file, SystemClock(), sim.base)
    return "\n".join(said)


def test_flags_and_defaults_make_a_file_that_every_program_starts_with(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / ".env"

    said = run(sim, file, budget="own", stake="3", day="30")

    written = read_settings(file)
    assert (written["STAKE_USDC"], written["MAX_DAY_USDC"]) == ("3", "30")
    assert written["DATA_API_URL"] == sim.urls["data_api_url"]
    assert file.stat().st_mode & 0o777 == 0o600
    assert "hybrid up" in said


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"leaders": "somebody"}, "--leaders: 'somebody': no trader"),
        ({"leaders": ""}, "--leaders: Give at least one trader"),
        ({"leaders": "0x" + "0" * 40}, "--leaders: not taken"),
        ({"budget": "huge"}, "--budget: one of small, usual, large, own"),
        ({"budget": "own", "stake": "5", "day": "1"}, "--day: 1 a day is less"),
        ({"rpc_url": "node"}, "--rpc-url: A URL is needed"),
        ({"rpc_url": "http://127.0.0.1:1"}, "--rpc-url: not taken"),
        ({"alerts": "call me"}, "--alerts: address 1"),
        ({"follow": "perhaps"}, "--follow: yes or no"),
        ({"write": "no"}, "nothing was written"),
    ],
)
def test_a_flag_that_does_not_fit_ends_it_and_writes_nothing(
    sim: Simulator, tmp_path: Path, flags: dict[str, str], words: str
) -> None:
    with pytest.raises(BadConfig, match="^" + words.replace("(", r"\(")):
        run(sim, tmp_path / ".env", **flags)

    assert list(tmp_path.glob(".env*")) == []


def test_a_file_that_is_there_is_replaced_only_by_a_word_for_it(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("LOG_LEVEL=debug\n")

    with pytest.raises(BadConfig, match="--overwrite yes"):
        run(sim, file)
    assert file.read_text() == "LOG_LEVEL=debug\n"

    run(sim, file, overwrite="yes")

    assert read_settings(file)["LOG_LEVEL"] == "debug"
    assert (tmp_path / ".env.bak").read_text() == "LOG_LEVEL=debug\n"


def test_a_setting_of_before_that_stops_a_start_is_said_and_stays(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("STAKE_USD=5\n")

    with pytest.raises(BadConfig, match="did you mean STAKE_USDC"):
        run(sim, file, overwrite="yes")

    assert [each.name for each in tmp_path.glob(".env*")] == [".env"]


def test_what_the_environment_says_besides_is_said(
    sim: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAKE_USDC", "4")

    assert "The environment sets STAKE_USDC too" in run(sim, tmp_path / ".env")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\n")

    def refuse(draft: Path) -> None:
        assert draft.stat().st_mode & 0o777 == 0o600
        raise BadConfig("no")

    with pytest.raises(BadConfig, match="no"):
        write_settings(file, {"A": "2"}, refuse)

    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {".env": "A=1\n"}


def test_a_link_is_not_written_through(tmp_path: Path) -> None:
    precious, file = tmp_path / "precious", tmp_path / ".env"
    precious.write_text("mine")
    (tmp_path / ".env.new").symlink_to(precious)

    write_settings(file, {"A": "2"}, lambda _draft: None)

    assert precious.read_text() == "mine"
    assert not file.is_symlink()


@pytest.mark.process
def test_without_a_terminal_it_says_how_to_answer(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "init", "--env-file", str(tmp_path / ".env")],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    assert (done.returncode, "--yes" in done.stderr) == (2, True)
    assert not (tmp_path / ".env").exists()


def test_a_handle_is_looked_up_once_and_its_wallet_is_followed(sim: Simulator) -> None:
    leader = sim.leaders[0].address
    profiles = {
        "profiles": [{"name": "Whale", "proxyWallet": leader}, {"name": "whale2", "proxyWallet": "0x" + "9" * 40}]
    }
    with answering(profiles) as gamma:
        settings = settings_of(Settings, {**venue_settings(sim), "GAMMA_URL": gamma})

        (found,) = look_at(read_answer(f"@whale, https://polymarket.com/@whale {leader}"), settings, SystemClock())

        assert found.address == leader
        with pytest.raises(BadConfig, match="no profile of this name"):
            look_at(read_answer("@nobody"), settings, SystemClock())


def test_a_signer_is_followed_by_the_wallet_that_trades_for_it(sim: Simulator) -> None:
    signer = "0x" + "7a" * 20
    wallet = wallets_of(signer)["Safe"]
    sim.fill(leader=wallet, token=sim.markets[0].tokens[0], side="BUY", shares="10", price="0.5")
    wait_until(lambda: look(sim, wallet).trades, "the trade is told")

    found = look(sim, signer)

    assert (found.address, "its Safe" in found.note) == (wallet, True)
    assert "1 trades for 5.00 pUSD in 7 days" in found.trades
    assert found.verdict


def look(sim: Simulator, address: str) -> LeaderLook:
    settings = settings_of(Settings, venue_settings(sim))
    try:
        (found,) = look_at(read_answer(address), settings, SystemClock())
    except BadConfig:
        return LeaderLook(address=address)
    return found


def test_a_value_of_before_that_does_not_fit_is_said_plainly(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("HTTP_TIMEOUT_S=soon\n")

    with pytest.raises(BadConfig, match="HTTP_TIMEOUT_S='soon'"):
        run(sim, file, overwrite="yes")


def test_alarms_of_before_stay_unless_they_are_ended(sim: Simulator, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("ALERT_URLS=ntfy://planted-topic\n")

    said = run(sim, file, overwrite="yes")
    assert read_settings(file)["ALERT_URLS"] == "ntfy://planted-topic"
    assert "planted-topic" not in said

    run(sim, file, overwrite="yes", alerts="none")
    assert read_settings(file)["ALERT_URLS"] == ""


def test_a_node_with_a_key_in_its_url_is_kept_and_not_shown(sim: Simulator, tmp_path: Path) -> None:
    file, key = tmp_path / ".env", "Qw3rTy0123456789AbCdEf"
    file.write_text(f"RPC_URL=http://127.0.0.1:1/v2/{key}\n")

    questions: list[str] = []
    ask = Questions(
        {"leaders": sim.leaders[0].address, "overwrite": "yes", "any-node": "yes"}, yes=True, tell=questions.append
    )
    init.main(ask, file, SystemClock())

    assert read_settings(file)["RPC_URL"].endswith(key)
    assert key not in "\n".join(questions)
