"""The ranked table for a terminal, as JSON and as CSV: the same figures."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from backtest.results.amount_words import signed_usd
from ops.discovery.domain.ranking import DelayFigures, RankedWallet
from ops.discovery.search import SearchResult
from shared.domain.money import to_micro

COLORS = {"no": "red", "only fast": "yellow", "it paid": "green", "cannot tell": "yellow"}
_WIDEST = 90
_FACTS = ("place", "address", "name", "verdict", "conduct", "trades", "markets", "volume", "followed", "found", "why")


def shown(rows: Sequence[RankedWallet], followed: frozenset[str]) -> RenderableType:
    """Return the table: a line of figures for each wallet; who it is and its main reason below."""
    delays = [f"{figures.delay_s:g} s" for figures in max((row.delays for row in rows), key=len, default=())]
    table = Table("#", "verdict", Column("wallet", max_width=_WIDEST, overflow="fold"), box=None, pad_edge=False)
    for name in ("trades", *delays):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        wallet = Group(Text(row.address), *(Text(line, "dim") for line in _about(row, followed)))
        verdict = Text(row.verdict, COLORS[row.verdict], no_wrap=True)
        table.add_row(str(row.place), verdict, wallet, f"{row.trades:,}", *map(_brought, row.delays))
    return table


def _about(row: RankedWallet, followed: frozenset[str]) -> list[str]:
    """Return who it is and how it was found, then why it stands where it stands."""
    known = (row.name, row.conduct, "followed already" if row.address in followed else "", *row.found)
    return [", ".join(part for part in known if part), row.why]


def _brought(figures: DelayFigures) -> Text:
    """Return what a delay brought; a colour only where luck alone does not explain it."""
    color = "green" if figures.low > 0 else "red" if figures.high < 0 else ""
    return Text(signed_usd(to_micro(figures.pnl)), color)


def flat_rows(rows: Sequence[RankedWallet], followed: frozenset[str]) -> list[dict[str, Any]]:
    """Return the rows as plain values, the figures of each delay beside each other."""
    return [{**_facts(row, followed), **_flat_delays(row)} for row in rows]


def csv_fields(rows: Sequence[RankedWallet]) -> list[str]:
    """Return the columns of the CSV, whichever wallets have figures."""
    known = {name: None for row in rows for name in _flat_delays(row)}
    return [*_FACTS, *known]


def result_json(
    rows: Sequence[RankedWallet], followed: frozenset[str], found: SearchResult, about: Mapping[str, object]
) -> dict[str, Any]:
    """Return everything: the table, each wallet's whole report, who could not be read, time and requests."""
    reports = {candidate.address: report for candidate, report in found.judged}
    return {
        "event": "DISCOVERY",
        "wallets": [{**_facts(row, followed), "report": reports[row.address]} for row in rows],
        "unread": [{"address": candidate.address, "why": why} for candidate, why in found.unread],
        "reused": found.reused,
        "stopped": found.stopped,
        **about,
    }


def _facts(row: RankedWallet, followed: frozenset[str]) -> dict[str, Any]:
    known: dict[str, Any] = {name: getattr(row, name, None) for name in _FACTS}
    return {
        **known,
        "volume": _plain(row.volume),
        "found": "; ".join(row.found),
        "followed": row.address in followed,
    }


def _flat_delays(row: RankedWallet) -> dict[str, str]:
    return {
        f"{name}_{figures.delay_s:g}s": _plain(getattr(figures, name))
        for figures in row.delays
        for name in ("pnl", "low", "high", "spent")
    }


def _plain(amount: Decimal) -> str:
    return format(amount, "f")
