"""Everything in one process: alone under its name and on its folder, on paper only, ended by any part that fails."""

import threading
from pathlib import Path

import pytest

from buyer.bootstrap import only_one
from buyer.config import parse_args as buyer_args
from detector.config import parse_args as detector_args
from ops.run_service import HybridService, main
from ops.server import embedded_server
from shared.clock import ManualClock, SystemClock
from shared.errors import RefusedForSafety
from shared.stop import QUIET_S, Pulse

pytestmark = pytest.mark.server
LEADER = "0x" + "1a" * 20


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv("TRACKED_WALLETS", LEADER)
    monkeypatch.setenv("RUN_DIR", str(tmp_path / "run"))


def test_trap_25_a_flag_that_asks_for_real_money_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--no-dry-run", "--data-dir", str(tmp_path)]) == 4
    assert "paper only" in capsys.readouterr().err


def test_two_services_never_share_a_servers_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with embedded_server(tmp_path, SystemClock()):
        code = main(["--data-dir", str(tmp_path), "--runtime-seconds", "1"])

    assert code == 4
    assert "server runs already" in capsys.readouterr().err


def test_trap_21_a_second_service_of_one_name_does_not_start(valkey_url: str) -> None:
    words = ["--redis-url", valkey_url]
    service = HybridService(detector_args(words), buyer_args(words), None)

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
    service, clock, stop = HybridService(detector_args([]), buyer_args([]), None), ManualClock(), threading.Event()
    pulses = {name: Pulse(stop, clock) for name in ("detector", "buyer", "redeemer")}
    monkeypatch.setattr(service, "_pulses", pulses)
    monkeypatch.setattr(service, "_detector", Part())
    monkeypatch.setattr(service, "_redeemer", Part())
    clock.advance(QUIET_S + 1)
    pulses["redeemer"].is_set()

    assert service.parts() == {"detector": "hangs", "redeemer": "up"}
    assert not service.ready()
