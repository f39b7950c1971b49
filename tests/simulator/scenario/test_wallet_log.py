"""A poller's CSV log served as if the venue lived it again."""

import csv
import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from simulator import ManualClock, Settings, serve
from simulator.scenario import wallet_log
from simulator.scenario.activity_file import value

pytestmark = pytest.mark.simulator
NAMES = (
    *("id", "collected_at", "wallet_name", "wallet_addr", "tx_hash", "timestamp", "time_utc"),
    *("side", "outcome", "price", "size", "usdc", "market"),
)
WALLET = "0x" + "ab" * 20


def a_log(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "wallet.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, NAMES)
        writer.writeheader()
        for number, row in enumerate(rows):
            known = {"id": number, "wallet_name": "w", "wallet_addr": WALLET, "tx_hash": f"0x{number + 1:064x}"}
            trade = {
                "timestamp": 1000 + number,
                "side": "BUY",
                "outcome": "Up",
                "price": "0.5",
                "market": "Up or Down?",
            }
            writer.writerow({**known, **trade, "size": "10.0", "usdc": "5.0", **row})
    return path


def test_ids_come_from_title_and_outcome(tmp_path: Path) -> None:
    rows = wallet_log.read(a_log(tmp_path, {}, {"outcome": "Down"}, {}, {"market": "Another?"}))

    other, up, down, first = rows
    assert value(up, "asset") == value(first, "asset") != value(down, "asset")
    assert value(up, "conditionId") == value(down, "conditionId") != value(other, "conditionId")
    assert (up["outcomeIndex"], down["outcomeIndex"]) == ("0", "1")


def test_an_outcome_seen_alone_keeps_its_place(tmp_path: Path) -> None:
    assert wallet_log.read(a_log(tmp_path, {"outcome": "Down"}))[0]["outcomeIndex"] == "1"


def test_float_dust_is_rounded_to_the_micro_unit(tmp_path: Path) -> None:
    row = wallet_log.read(a_log(tmp_path, {"usdc": "2.8000000000000003", "size": "31.382289999999998"}))[0]

    assert (row["usdcSize"], row["size"]) == ("2.8", "31.38229")


def test_rows_without_a_side_are_merges_while_the_market_trades_and_redeems_after(tmp_path: Path) -> None:
    gone = {"side": "", "outcome": "", "usdc": "0.0"}

    redeem, _, merge, _ = wallet_log.read(a_log(tmp_path, {}, gone, {}, gone))

    assert (value(merge, "type"), value(redeem, "type")) == ("MERGE", "REDEEM")


@pytest.mark.real_data
def test_a_captured_log_is_lived_again_to_the_micro_unit(real_data: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(real_data / "wallets" / "wallet_4.zip") as archive:
        lines = archive.read("wallet_4.csv").decode().splitlines()[:1500]
    path = tmp_path / "part.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    with serve(Settings(leaders=0, markets=0, activity=(path,), speed=1000.0), ManualClock()) as sim:
        sim.advance(200)
        lived = Counter(
            (fill.tx_hash, fill.order.side, fill.order.shares, fill.order.usdc)
            for fill in sim.world.fills
            if fill.tracked
        )

    logged = [row for row in csv.DictReader(lines) if row["side"]]
    assert lived == Counter((row["tx_hash"], row["side"], _micro(row["size"]), _micro(row["usdc"])) for row in logged)


def _micro(text: str) -> int:
    return round(Decimal(text) * 1_000_000)
