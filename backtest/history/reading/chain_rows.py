"""Fills as the chain tells them: tables of maker, taker, assets and amounts, logs, subgraph answers. Pure.

The owner of the filled order is its `maker`, whatever his role, so each row is his fill (venue reference 6.3).
"""

from collections.abc import Mapping
from typing import Any

from backtest.history.reading.history_row import HistoryRow, alone_market, row_of
from backtest.history.reading.number_style import read_amount
from backtest.history.reading.table_rows import Cells
from shared.domain.errors import Malformed
from shared.domain.market import Side
from shared.domain.money import to_micro
from shared.messages.base import fact_id
from shared.polymarket.wire.leader_fills import ADDRESS, ALL_EXCHANGES, NotTrade, by_assets
from shared.polymarket.wire.order_filled import read_logs
from shared.polymarket.wire.venue_times import read_moment_ms

_SIDES: dict[str, Side] = {"0": "BUY", "1": "SELL", "buy": "BUY", "sell": "SELL"}
COUNTERPARTY = "the other side's order, whose own row is another"


def fill_row(cells: Cells, leader: str = "") -> HistoryRow:
    """Read a row of a table of fills; amounts are in base units, asset 0 is collateral.

    Args:
        cells: The row.
        leader: Whose fills are wanted; '' takes every maker's.

    Raises:
        NotTrade: it is another wallet's order.
        Malformed: naming the column.
    """
    owner = cells.get("leader", "").strip().lower()
    if not ADDRESS.fullmatch(owner):
        raise Malformed(f"maker {owner[:44]!r} is no address of 0x and 40 hex digits")
    if owner in ALL_EXCHANGES or (leader and leader != owner):
        raise NotTrade(COUNTERPARTY)
    token, side, shares, usdc = _moved(cells)
    at_ms = read_moment_ms(cells.get("time", ""))
    tx = cells.get("tx", "").strip().lower() or "0x" + fact_id("no transaction", owner, at_ms, token, side)
    hint = (cells.get("condition", "").lower() or alone_market(token), -1, "", cells.get("market", ""), "", "")
    told = cells.get("log_index", "").strip()
    return HistoryRow(
        at_ms, owner, tx, token, side, shares, usdc, 0, hint, log_index=int(told) if told.isdigit() else -1
    )


def _moved(cells: Cells) -> tuple[str, Side, int, int]:
    paid, got = (_base_units(cells, name) for name in ("maker_amount", "taker_amount"))
    if "maker_asset" in cells:
        return by_assets(cells["maker_asset"].strip(), cells.get("taker_asset", "").strip(), paid, got)
    side = _SIDES.get(cells.get("side", "").strip().lower()) or _side_by_shares(cells, paid, got)
    token = cells.get("token", "").strip()
    given, received = ("0", token) if side == "BUY" else (token, "0")
    return by_assets(given, received, paid, got)


def _side_by_shares(cells: Cells, paid: int, got: int) -> Side:
    """Return the side of a table that tells the shares beside what the maker gave and got, as Dune's trades do."""
    shares = to_micro(read_amount(cells.get("size") or "0", "shares"))
    if shares not in {paid, got} or paid == got:
        raise Malformed(f"side {cells.get('side', '')!r}: expected 0 (BUY) or 1 (SELL)")
    return "BUY" if shares == got else "SELL"


def _base_units(cells: Cells, name: str) -> int:
    told = cells.get(name, "").strip()
    whole, _, rest = told.partition(".")
    if not whole.isdigit() or rest.strip("0"):
        raise Malformed(f"{name} {told[:40]!r}: expected a whole number of base units")
    return int(whole)


def log_row(log: Mapping[str, Any], leader: str = "") -> HistoryRow:
    """Read a raw log of `OrderFilled`.

    Raises:
        NotTrade: another event, another contract's, or another wallet's order.
        Malformed: naming the field.
    """
    read = read_logs([_named(log)])
    if read.problems:
        raise Malformed(read.problems[0].partition(" in {")[0])
    if not read.fills:
        raise NotTrade(next(iter(read.skipped), "no fill"))
    row = row_of(read.fills[0])
    if row.leader in ALL_EXCHANGES or (leader and leader != row.leader):
        raise NotTrade(COUNTERPARTY)
    return row._replace(hint=(alone_market(row.token_id), *row.hint[1:]))


def _named(log: Mapping[str, Any]) -> dict[str, Any]:
    """Return a log by the node's own names: explorers and tables have theirs, and numbers instead of hex."""
    found: dict[str, Any] = {}
    for name, value in log.items():
        found[_NAMES.get(name.lower().replace("_", ""), name)] = value
    if "topics" not in found:
        found["topics"] = [log[name] for name in sorted(log) if name.lower().startswith("topic") and log[name]]
    for name in ("logIndex", "blockNumber", "blockTimestamp"):
        value = found.get(name)
        if isinstance(value, int) or (isinstance(value, str) and value.isdigit()):
            found[name] = hex(int(value))
    return found


_NAMES = {
    name.lower(): name for name in ("transactionHash", "logIndex", "blockNumber", "blockTimestamp", "address", "data")
} | {"timestamp": "blockTimestamp", "blocktime": "blockTimestamp", "txhash": "transactionHash", "topics": "topics"}
