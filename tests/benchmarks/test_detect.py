"""The detector's benchmarks in small: they run, measure something, and say whether their bounds hold."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import detect_real
from benchmarks.rigs.detect_faults import FAULTS
from benchmarks.rigs.detect_history import cut
from simulator.gateway.faults import KINDS

pytestmark = [pytest.mark.server, pytest.mark.simulator, pytest.mark.process]


def report_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def a_log(folder: Path, wallet: str, times: list[int]) -> Path:
    names = ("collected_at", "wallet_addr", "wallet_name", "tx_hash", "timestamp", "side", "outcome", "price")
    path = folder / f"wallet_{wallet}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*names, "size", "usdc", "market"))
        for number, at in enumerate(times):
            key = (at + 5, f"0x{wallet * 40}", f"w{wallet}", f"0x{wallet}{number:063x}", at)
            writer.writerow((*key, "BUY", "Up", "0.5", "10.0", "5.0", "Up or Down?"))
    return path


OF_ORDERS = {"lost_request", "lost_answer", "engine", "delayed", "settlement_failed", "settlement_retry"} | {
    "lost_message",
    "duplicate_message",
    "blank_numbers",
    "hidden_order",
    "contradiction",
    "strict_sells",
    "stale_tokens",
}
"""Faults that only who sends orders can meet."""
OF_BELIEF = {"forged_fill", "forged_pending"}
"""A node that lies is signalled as it tells; `benchmarks/rigs/adversary/belief.py` asks whether that is bought."""


def test_every_kind_of_fault_a_detector_can_meet_has_its_run() -> None:
    assert {fault.kind for fault in FAULTS} == set(KINDS) - OF_ORDERS - OF_BELIEF
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_cut_takes_the_same_stretch_of_time_of_all_wallets(tmp_path: Path) -> None:
    logs = [a_log(tmp_path, "1", list(range(0, 100, 2))), a_log(tmp_path, "2", list(range(1, 100, 2)))]

    parts = cut(logs, tmp_path / "cut", 20)

    texts = [path.read_text(encoding="utf-8").splitlines() for path in parts]
    times = [int(row["timestamp"]) for lines in texts for row in csv.DictReader(lines)]
    assert sorted(times) == list(range(50, 70))


class TestSmallRuns:
    @pytest.mark.takes(40)
    @pytest.mark.real_data
    def test_a_short_history_is_signalled_once_each_over_a_kill(
        self, real_data: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        words = (
            "--rows",
            "400",
            "--speed",
            "40",
            "--kill-speed",
            "40",
            "--kills",
            "1",
            "--no-faults",
            "--order-rows",
            "0",
        )
        words += ("--memory-rows", "2000", "--data", str(real_data))

        code = detect_real.main(words)

        found = report_of(capsys)
        assert code == 0, found["ok"]
        assert found["plain"]["fills"] > 300
        assert (found["killed -9"]["kills"], found["killed -9"]["missed"], found["killed -9"]["doubled"]) == (1, 0, 0)
