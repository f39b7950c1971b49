"""One row of any table, by our names of its columns: exact, or refused with its reason. Pure.

Of shares, collateral and price any two tell the third. A row that names no transaction counts as one with all that its
leader did that second on one side of one outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import cast

from backtest.history.reading.history_row import (
    OUTCOMES,
    USED,
    Hint,
    HistoryRow,
    Kind,
    alone_market,
    made_token,
    market_id,
)
from backtest.history.reading.number_style import Style, read_amount
from shared.domain.errors import Malformed
from shared.domain.market import Side
from shared.domain.money import to_micro
from shared.messages.base import fact_id
from shared.polymarket.wire.leader_fills import ADDRESS, HASH, NotTrade
from shared.polymarket.wire.trade_amounts import TradeAmounts, amounts_of
from shared.polymarket.wire.venue_times import read_moment_ms

Cells = Mapping[str, str]
"""A row: our name of a column -> its text."""

_SIDES: dict[str, Side] = {"buy": "BUY", "bought": "BUY", "b": "BUY", "sell": "SELL", "sold": "SELL", "s": "SELL"}
_KINDS: dict[str, Kind] = {
    **{kind.lower(): kind for kind in USED.values()},
    "redemption": "REDEEM",
    "redeemed": "REDEEM",
    "claim": "REDEEM",
    "payoutredemption": "REDEEM",
    "positionsmerge": "MERGE",
    "positionsplit": "SPLIT",
    "convert": "CONVERSION",
    "positionsconverted": "CONVERSION",
}
_TRADES = frozenset({"", "trade", "trades", "order", "orderfilled", "fill", "clob trade", "market", "limit"})
_OUTGOING = frozenset({"MERGE", "REDEEM"})
_RAW_AMOUNTS = "export maker_amount_raw and taker_amount_raw, too (Dune: market_trades_raw)"
_LONGEST = 78
"""Digits of a token's id."""


@dataclass(frozen=True)
class TableStyle:
    """What a table says once for all its rows: the sign before decimals, and whose it is where no row says."""

    decimals: Style = "point"
    leader: str = ""


def table_row(cells: Cells, style: TableStyle) -> HistoryRow:
    """Read one row.

    Raises:
        NotTrade: it is fine and says nothing of what the leader has.
        Malformed: naming the column, the value and what would be right.
    """
    kind, side = _kind_and_side(cells)
    leader = _leader(cells, style)
    at_ms = read_moment_ms(cells.get("time", ""))
    amounts = _amounts(cells, style, side, at_ms, kind)
    token, hint = _outcome(cells, kind)
    seen = cells.get("seen", "")
    return HistoryRow(
        at_ms,
        leader,
        _tx(cells, (leader, at_ms, token or hint[0], side, kind)),
        token,
        side,
        amounts.shares,
        amounts.usdc,
        read_moment_ms(seen, "collected_at") if seen else 0,
        hint,
        amounts.fee,
        amounts.fee_shares,
        kind,
        _log_index(cells),
    )


def _kind_and_side(cells: Cells) -> tuple[Kind, Side]:
    words = [cells.get(name, "").strip().lower() for name in ("side", "type")]
    for word in words:
        if kind := _KINDS.get(word):
            if kind != "TRADE":
                return kind, "SELL" if kind in _OUTGOING else "BUY"
        elif word in _SIDES:
            return "TRADE", _SIDES[word]
    unknown = next((word for word in words if word not in _TRADES), "")
    if "side" not in cells and "type" not in cells:
        raise Malformed("no side: nobody says whether it was bought or sold")
    if not unknown and "taker" in cells:
        raise Malformed(f"{words[0] or 'a fill'!r} of a maker and a taker, and nobody says who bought: {_RAW_AMOUNTS}")
    if not unknown:
        raise NotTrade("without a side")
    if words[0] in _TRADES or "side" not in cells or "type" not in cells:
        raise NotTrade(unknown[:40].upper())
    raise Malformed(f"side {unknown[:20]!r} is neither BUY nor SELL")


def _leader(cells: Cells, style: TableStyle) -> str:
    told = cells.get("leader", "").strip().lower() or style.leader
    if not told:
        raise Malformed("no wallet in the row: nobody says whose trade this is; say --leader 0x...")
    if not ADDRESS.fullmatch(told):
        raise Malformed(f"wallet {told[:44]!r} is no address of 0x and 40 hex digits")
    return told


def _amounts(cells: Cells, style: TableStyle, side: Side, at_ms: int, kind: Kind) -> TradeAmounts:
    size, paid, price = (
        read_amount(cells[name], name, style.decimals) if cells.get(name, "").strip() else None
        for name in ("size", "usdc", "price")
    )
    if kind != "TRADE":
        return TradeAmounts(to_micro(size or Decimal(0)), to_micro(paid or Decimal(0)))
    if size is None and paid is not None and price:
        size = paid / price
    if size is None or (paid is None and not price):
        raise Malformed("of size, usdc and price two must be known")
    amounts = amounts_of(side, size, price or Decimal(0), paid, at_ms)
    if amounts.shares <= 0 or amounts.usdc < 0:
        raise Malformed(f"size {size} for {paid} is nothing traded")
    return amounts


def _outcome(cells: Cells, kind: Kind) -> tuple[str, Hint]:
    """Return the token and what is said of its market; ids are made from the names where the file has none.

    An outcome by a name of its own (a team's) has no token: other files may tell which it is (`market_names.py`).
    """
    market, token, outcome = (cells.get(name, "").strip() for name in ("market", "token", "outcome"))
    condition = cells.get("condition", "").strip().lower()
    if HASH.fullmatch(market.lower()):
        market, condition = "", condition or market.lower()
    if token and not (token.isascii() and token.isdigit() and len(token) <= _LONGEST):
        raise Malformed(f"token id {token[:40]!r} lost its digits: export it as text, whole")
    number = cells.get("outcome_index", "").strip()
    place = int(number) if number.isdigit() else OUTCOMES.get(outcome.lower(), -1)
    place = place if place < 999 else -1  # noqa: PLR2004 - the venue's "unlabelled"
    if not (condition or market or token):
        raise Malformed("no market, condition or token: nobody says what was traded")
    if kind == "TRADE" and place < 0 and not (token or outcome):
        raise Malformed(f"no outcome of {market or condition!r}: nobody says what was traded")
    condition = condition or (market_id(market) if market else alone_market(token))
    if not token and place >= 0:
        token = made_token(condition, outcome)
    names = (outcome, market, cells.get("slug", ""), cells.get("event_slug", ""))
    return token, (condition, place, *names)


def _tx(cells: Cells, otherwise: tuple[object, ...]) -> str:
    return cells.get("tx", "").strip().lower() or "0x" + fact_id("no transaction", *otherwise)


def _log_index(cells: Cells) -> int:
    told = cells.get("log_index", "").strip()
    return int(told, 16 if told.startswith("0x") else 10) if told.removeprefix("0x").isalnum() and told else -1


def cells_of(row: Mapping[str, object], columns: Mapping[str, str]) -> Cells:
    """Return a row of named values as texts under our names."""
    return {ours: _text(row.get(name)) for ours, name in columns.items()}


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case dict():
            return _text(cast("dict[str, object]", value).get("id"))
        case float():
            return repr(value)
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case _:
            return str(value)
