"""Rows that name traders: the leaderboard's, and the newest trades of the whole venue. Pure.

The fields are those of the official SDK's models (`polymarket-client` 0.14.0, `TraderLeaderboardEntry`, `Trade`); the
volume of a board is in shares, never in collateral.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain.errors import Malformed
from shared.domain.money import Shares, Usdc, to_micro
from shared.domain.value import Value
from shared.polymarket.wire.leader_fills import ADDRESS
from shared.polymarket.wire.parsing import as_object, read_number, read_text


class RankedTrader(Value, frozen=True, kw_only=True):
    """One line of a leaderboard: profit in micro-units as the venue reckons it, `volume` in micro-shares."""

    address: str
    rank: int
    profit: Usdc
    volume: Shares
    name: str = ""


class ActiveTrader(Value, frozen=True, kw_only=True):
    """Whoever traded among the newest trades: how often, and for how much collateral."""

    address: str
    trades: int
    volume: Usdc
    name: str = ""


def read_ranked(rows: Iterable[object], problems: list[str]) -> list[RankedTrader]:
    """Return the lines of a board in its order; `problems` takes those that cannot be read."""
    found: list[RankedTrader] = []
    for raw in rows:
        try:
            found.append(_ranked(as_object(raw, "leaderboard")))
        except Malformed as error:
            problems.append(str(error))
    return found


def read_active(rows: Iterable[object], problems: list[str]) -> list[ActiveTrader]:
    """Add up trades by trader, the largest volume first; `problems` takes rows that cannot be read."""
    found: dict[str, ActiveTrader] = {}
    for raw in rows:
        try:
            row = as_object(raw, "trade")
            address, volume = _address(row, "proxy_wallet"), _volume(row)
        except Malformed as error:
            problems.append(str(error))
            continue
        before = found.get(address, ActiveTrader(address=address, trades=0, volume=Usdc(0)))
        found[address] = ActiveTrader(
            address=address,
            trades=before.trades + 1,
            volume=Usdc(before.volume + volume),
            name=before.name or read_text(row, "name") or read_text(row, "pseudonym"),
        )
    return sorted(found.values(), key=lambda trader: -trader.volume)


def _ranked(row: Mapping[str, Any]) -> RankedTrader:
    return RankedTrader(
        address=_address(row, "user_id"),
        rank=int(read_number(row, "rank")),
        profit=Usdc(to_micro(read_number(row, "pnl"))),
        volume=Shares(to_micro(read_number(row, "volume"))),
        name=read_text(row, "user_name"),
    )


def _address(row: Mapping[str, Any], name: str) -> str:
    address = read_text(row, name).lower()
    if not ADDRESS.fullmatch(address):
        raise Malformed(f"{name}: expected an address, got {address[:80]!r}")
    return address


def _volume(row: Mapping[str, Any]) -> int:
    return to_micro(read_number(row, "size") * read_number(row, "price"))
