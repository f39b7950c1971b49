"""Everything in one process: alone under its name and on its folder, live by two words, ended by a part that fails."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import RedisError

from buyer.composition import only_one
from buyer.config import parse_args as buyer_args
from detector.config import parse_args as detector_args
from ops.run_service import ServiceRunner, ServiceSettings, _redeemer, main
from ops.supervisor.server_folder import embedded_server, known_url
from shared.clock import ManualClock, SystemClock
from shared.config import parse
from shared.domain import exit_codes
from shared.domain.errors import RefusedForSafety, Unavailable
from shared.messages.events import read_event
from shared.messages.service import ServiceStart, ServiceStop
from shared.process.beats import read_standings
from shared.process.stop_event import QUIET_S, Pulse
from shared.redis.client import connect_redis
from simulator import Settings, serve
from simulator.gateway.server import Simulator
from tests.buyer.venue.polymarket.live_floor import KEY, OWNER
from tests.started import started
from tests.waiting import PATIENCE_S, wait_until

pytestmark = pytest.mark.server
LEADER = "0x" + "1a" * 20


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("TRACKED_WALLETS", LEADER)
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "run"))


@pytest.mark.pitfall(25)
@pytest.mark.parametrize("word", ["--no-dry-run", "--live"])
def test_one_word_for_real_money_is_refused(word: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main([word, "--data-dir", str(tmp_path)]) == 4
    assert "nothing was started" in capsys.readouterr().err


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """Give a venue, the environment that leads to it, and both words for real money in it."""
    with serve(Settings(fills_per_minute=60, speed=4, leaders=3, seed=7)) as sim:
        for name, value in {
            "LIVE": "true",
            "DRY_RUN": "false",
            "ACCEPT_FORGETFUL_SERVER": "true",
            "PRIVATE_KEY": KEY,
            "RUNTIME_SECONDS": "2",
            "DATA_API_URL": sim.urls["data_api_url"],
            "GAMMA_URL": sim.urls["gamma_url"],
            "CLOB_URL": sim.urls["clob_url"],
            "CLOB_MARKET_URL": sim.urls["clob_ws_url"],
            "CLOB_USER_URL": sim.urls["clob_user_ws_url"],
            "GEOBLOCK_URL": sim.urls["geoblock_url"],
            "RPC_URL": sim.urls["rpc_url"],
            "SUBGRAPH_URL": sim.urls["subgraph_url"],
            "RTDS_URL": sim.urls["rtds_url"],
        }.items():
            monkeypatch.setenv(name, value)
        yield sim


def framed(out: str) -> tuple[ServiceStart, ServiceStop]:
    """Return the first and the last event of a run."""
    start, *_, stop = (read_event(line) for line in out.splitlines())
    assert isinstance(start, ServiceStart)
    assert isinstance(stop, ServiceStop)
    return start, stop


@pytest.mark.simulator
@pytest.mark.parametrize("words", [[], ["--live", "--no-dry-run"]], ids=["environment", "flags"])
def test_both_words_trade_with_real_money_once_the_preflight_passed(
    words: list[str], venue: Simulator, valkey_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    venue.call(lambda: venue._app.traders.fund(OWNER, "1000"))

    code = main([*words, "--redis-url", valkey_url])

    said = capsys.readouterr()
    start, stop = framed(said.out)
    assert (code, start.mode, stop.exit_code) == (0, "live", 0)
    assert (start.config["buyer"]["live"], start.config["buyer"]["dry_run"]) == (True, False)
    assert "redeemer" not in start.config, "a relayed wallet without the relayer's key: left out, silently (S6)"
    assert "redeemer_left_out" in said.err


@pytest.mark.simulator
@pytest.mark.usefixtures("venue")
def test_a_preflight_that_fails_ends_it_with_4_and_the_fix(valkey_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--redis-url", valkey_url]) == 4

    said = capsys.readouterr()
    assert "live trading is refused, nothing was sent" in said.err
    assert "Send pUSD" in said.err
    assert framed(said.out)[1].exit_code == 4


@pytest.mark.simulator
@pytest.mark.usefixtures("venue")
def test_dry_run_keeps_every_part_on_paper_in_a_live_environment(
    valkey_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--dry-run", "--redis-url", valkey_url]) == 0

    start, _ = framed(capsys.readouterr().out)
    assert start.mode == "paper"
    assert {start.config[part]["live"] for part in ("buyer", "redeemer")} == {False}


def test_a_redeemer_that_is_asked_for_by_name_is_not_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PRIVATE_KEY", KEY)

    assert _redeemer(parse(ServiceSettings, ["--redeem"]), ["--live", "--no-dry-run"]) is not None
    assert _redeemer(parse(ServiceSettings, []), ["--live", "--no-dry-run"]) is None
    assert _redeemer(parse(ServiceSettings, []), ["--live", "--no-dry-run", "--wallet-type", "eoa"]) is not None


def test_two_services_never_share_a_servers_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with embedded_server(tmp_path, SystemClock()):
        code = main(["--data-dir", str(tmp_path), "--runtime-seconds", "1"])

    assert code == 4
    assert "server runs already" in capsys.readouterr().err


@pytest.mark.pitfall(21)
def test_a_second_service_of_one_name_does_not_start(valkey_url: str) -> None:
    words = ["--redis-url", valkey_url]
    service = ServiceRunner(detector_args(words), buyer_args(words), None)

    with only_one(buyer_args(words)), pytest.raises(RefusedForSafety, match="runs already"):
        service.run(threading.Event())


class Part:
    """A part that says that it works."""

    def ready(self) -> bool:
        return True


@pytest.mark.pitfall(62)
def test_a_part_that_hangs_is_told_though_the_process_and_the_part_say_that_all_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, clock, stop = ServiceRunner(detector_args([]), buyer_args([]), None), ManualClock(), threading.Event()
    pulses = {name: Pulse(stop, clock) for name in ("detector", "buyer", "redeemer")}
    monkeypatch.setattr(service, "_pulses", pulses)
    monkeypatch.setattr(service, "_detector", Part())
    monkeypatch.setattr(service, "_redeemer", Part())
    clock.advance(QUIET_S + 1)
    pulses["redeemer"].is_set()

    assert service.parts() == {"detector": "hangs", "redeemer": "up"}
    assert not service.ready()


DEAD = {
    **dict.fromkeys(
        ("DATA_API_URL", "GAMMA_URL", "CLOB_URL", "RPC_URL", "SUBGRAPH_URL", "GEOBLOCK_URL", "RELAYER_URL"),
        "http://127.0.0.1:9",
    ),
    **dict.fromkeys(("CLOB_MARKET_URL", "CLOB_USER_URL", "RTDS_URL"), "ws://127.0.0.1:9"),
}


def server_pid(data_dir: Path) -> int:
    """Return the process of the server of this folder that a built service reports to; 0 while there is none."""
    url = known_url(data_dir)
    try:
        with connect_redis(url or "redis://127.0.0.1:9") as redis:
            told: dict[str, Any] = redis.info("server")  # pyright: ignore[reportUnknownMemberType] - redis-py leaves **kwargs untyped
            built = any(one.service == "detector" for one in read_standings(redis))
            return told["process_id"] if built else 0
    except (RedisError, OSError, Unavailable):
        return 0


@pytest.mark.process
@pytest.mark.pitfall(31)
def test_an_embedded_server_that_dies_is_started_again(tmp_path: Path) -> None:
    with started("ops.run_service", "--data-dir", str(tmp_path), HEARTBEAT_S="0.1", **DEAD) as service:
        wait_until(lambda: server_pid(tmp_path))
        first = server_pid(tmp_path)
        assert first
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: server_pid(tmp_path) not in {0, first}, "another server")
        service.terminate()
        _, said = service.communicate(timeout=PATIENCE_S)

    assert service.returncode == exit_codes.CLEAN
    assert "server_ended" in said
