"""Builders of the files that people have: one history under every name, wrapping and style."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from backtest.history.history_files import HistoryFiles, open_history
from backtest.history.reading.file_reader import RowOptions
from backtest.results.result import BacktestResult, LeaderResult
from tests.backtest.histories import run

LEADER = "0x" + "11" * 20
OTHER = "0x" + "22" * 20
V1_S, V2_S = 1_772_000_000, 1_782_300_000
"""Seconds before and after CLOB V2."""
LOG_HEADING = "wallet_addr,tx_hash,timestamp,side,outcome,price,size,usdc,market"
WEB_HEADING = "marketName,action,usdcAmount,tokenAmount,tokenName,timestamp,hash"
FILL_HEADING = "timestamp,maker,makerAssetId,makerAmountFilled,taker,takerAssetId,takerAmountFilled,transactionHash"

Row = dict[str, Any]


def condition(number: int) -> str:
    return f"0x{number:064x}"


def a_row(second: int = 0, *, number: int = 1, kind: str = "TRADE", **changes: Any) -> Row:
    """Build a row of the Data API's v1: a BUY of 100 at 0.40 of the first outcome, or what `changes` say."""
    trade = kind == "TRADE"
    row: Row = {
        "proxyWallet": LEADER,
        "timestamp": V1_S + second,
        "conditionId": condition(0xABC0000 + number),
        "type": kind,
        "size": 100,
        "usdcSize": 40.0,
        "transactionHash": f"0x{changes.pop('tx', 1000 * number + second):064x}",
        "price": 0.4 if trade else 0,
        "asset": f"{number}001" if trade else "",
        "side": "BUY" if trade else "",
        "outcomeIndex": 0 if trade else 999,
        "title": f"Made-up market {number}",
        "slug": f"m{number}",
        "eventSlug": f"m{number}",
        "outcome": "Yes" if trade else "",
    }
    return {**row, **changes}


def second_outcome(second: int, price: float, side: str = "BUY", **changes: Any) -> Row:
    """Build a trade of 100 shares in the second outcome."""
    given: Row = {"usdcSize": 100 * price, "tx": 2000 + second, **changes}
    return a_row(second, price=price, side=side, asset="1002", outcomeIndex=1, outcome="No", **given)


def json_file(folder: Path, *rows: Any, name: str = "rows.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(list(rows)))
    return path


def text_file(folder: Path, text: str, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def table(*rows: Sequence[object], delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


def log_line(**changes: str) -> str:
    """Build a line of a poller's log: 100 shares at 0.4, or what `changes` say."""
    cells = {
        "wallet_addr": LEADER,
        "tx_hash": "0xa1",
        "timestamp": "1784894400",
        "side": "BUY",
        "outcome": "Yes",
        "price": "0.4",
        "size": "100",
        "usdc": "40",
        "market": "M one",
    }
    return table(list({**cells, **changes}.values()))


def zipped(folder: Path, members: dict[str, bytes], name: str = "rows.zip") -> Path:
    path = folder / name
    with zipfile.ZipFile(path, "w") as archive:
        for inner, content in members.items():
            archive.writestr(inner, content)
    return path


def gzipped(folder: Path, text: str, name: str = "rows.json.gz") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()))
    return path


def opened(
    *paths: Path, resolved: Sequence[Path] = (), leader: str = "", columns: dict[str, str] | None = None
) -> HistoryFiles:
    return open_history(paths, resolved, options=RowOptions(leader, columns or {}))


def result_of(*paths: Path, resolved: Sequence[Path] = (), leader: str = "") -> BacktestResult:
    """Follow a history with the defaults and say what was read."""
    history = opened(*paths, resolved=resolved, leader=leader)
    return run(history.market_events).model_copy(update={"history": history.readings})


def theirs(result: BacktestResult) -> LeaderResult:
    (found,) = result.leaders
    return found
