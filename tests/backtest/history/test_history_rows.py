"""The prices, fees and times of a history's rows: read as at the live edge, or named with their row."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.history.external_sort import SortedRows
from backtest.history.history_files import open_history
from backtest.history.reading.csv_rows import CsvRows
from backtest.history.reading.history_row import HistoryRow
from backtest.history.reading.row_counts import RowCounts
from shared.domain.errors import BadConfig
from shared.messages.events import read_event, write_event
from shared.polymarket.wire.trade_amounts import amounts_of
from tests.amounts import D
from tests.backtest.history.test_history import A, read, signals_in

FEE_HEADING = "wallet_addr,tx_hash,timestamp,side,outcome,price,size,usdc,market"
V1_S, V2_S = 1_772_000_000, 1_782_300_000


def charged(folder: Path, stamp: object, price: str, size: str, paid: str, *, kind: str = "csv") -> Path:
    """Write one BUY as a poller logs it or as the venue serves it."""
    if kind == "csv":
        path = folder / "rows.csv"
        path.write_text(f"{FEE_HEADING}\n{A},0x{1:064x},{stamp},BUY,Yes,{price},{size},{paid},Will it?\n")
        return path
    path = folder / "rows.jsonl"
    row = {"proxyWallet": A, "timestamp": stamp, "conditionId": "0x" + "c0" * 32, "type": "TRADE", "side": "BUY"}
    ids = {"transactionHash": f"0x{1:064x}", "asset": "1002", "outcomeIndex": 0, "outcome": "Yes"}
    path.write_text(json.dumps({**row, **ids, "size": float(size), "usdcSize": float(paid), "price": float(price)}))
    return path


@pytest.mark.pitfall(60)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize(
    ("stamp", "price", "size", "paid", "usdc", "fee"),
    [
        (V1_S, "0.12", "22.47936", "2.88", "2.88", (None, D("1.52064"))),
        (V2_S, "0.18", "11.111111", "2.13", "2", (D("0.13"), None)),
        (V2_S, "0.18", "11.111111", "2.0", "2", (None, None)),
    ],
)
def test_the_price_of_a_leaders_trade_is_its_rows_price_whatever_the_fee(
    tmp_path: Path, kind: str, stamp: int, price: str, size: str, paid: str, usdc: str, fee: tuple[Any, Any]
) -> None:
    (signal,) = signals_in(read(charged(tmp_path, stamp, price, size, paid, kind=kind)))

    assert (signal.price, signal.shares, signal.usdc) == (D(price), D(size), D(usdc))
    assert (signal.fills[0].fee, signal.fills[0].fee_shares) == fee
    assert read_event(write_event(signal)) == signal


@pytest.mark.pitfall(37)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_time_in_milliseconds_is_read_as_one_and_said(tmp_path: Path, kind: str) -> None:
    path = charged(tmp_path, V2_S * 1000, "0.4", "100", "40", kind=kind)

    history = open_history([path])

    assert [found.at_ms for found in history.market_events] == [V2_S * 1000]
    assert history.notes[-1:] == (
        f"{path.name}: 1 row with a time in milliseconds, read as such (first: {V2_S * 1000})",
    )


@pytest.mark.pitfall(37)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("stamp", [V2_S * 10**6, 5_000_000_000, -5])
def test_a_time_that_cannot_be_is_named_with_its_row(tmp_path: Path, kind: str, stamp: int) -> None:
    with pytest.raises(BadConfig, match=f"{stamp} is neither seconds nor milliseconds"):
        open_history([charged(tmp_path, stamp, "0.4", "100", "40", kind=kind)])


@pytest.mark.parametrize("stamp", ["2026-06-24T11:20:00Z", "2026-06-24 11:20:00+00", f"{V2_S}.0"])
def test_a_time_may_be_written_as_iso_or_with_a_fraction(tmp_path: Path, stamp: str) -> None:
    assert [found.at_ms for found in read(charged(tmp_path, stamp, "0.4", "100", "40"))] == [V2_S * 1000]


def test_rows_keep_their_fees_through_a_sorting_on_disk() -> None:
    rows = [HistoryRow(3 - n, A, "0x1", "7", "BUY", 5, 4, 0, ("c", 0, "", "", "", ""), 2, 1) for n in range(3)]

    assert list(SortedRows(rows, run=1)) == sorted(rows)


@settings(max_examples=200)
@given(st.integers(1, 10**9), st.integers(1, 999), st.integers(0, 10**5))
def test_a_log_is_read_as_the_venues_rows_are(shares: int, price_mills: int, fee_steps: int) -> None:
    price, size = Decimal(price_mills) / 1000, Decimal(shares) / 1_000_000
    paid = (size * price).quantize(Decimal("0.000001")) + Decimal(fee_steps) / 100_000
    line = f"{A},0x{1:064x},{V2_S},BUY,Yes,{price},{size:f},{paid:f},Will it?"

    (row,) = CsvRows(RowCounts("rows.csv")).read([FEE_HEADING + "\n", line + "\n"])

    wanted = amounts_of("BUY", size, price, paid, V2_S * 1000)
    assert (row.shares, row.usdc, row.fee, row.fee_shares) == wanted
