"""A leader's own result by two roads: our reading and arithmetic, and a few lines of polars over the same rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from backtest.domain.market_events import LeaderChange
from backtest.domain.market_state import ResolvedMarket
from backtest.history.history_files import open_history
from backtest.results.pnl import LeaderSums
from benchmarks.rigs.histories.mutations import Rows
from shared.messages.signals import ActionableSignal

MICRO = 1_000_000


class LeaderTruth(NamedTuple):
    """Amounts in micro-units: `realized` is of markets that have resolved."""

    trades: int
    spent: int
    paid: int
    realized: int


class Account(NamedTuple):
    """Our own figures, and whether every row that came in is accounted for."""

    truth: LeaderTruth
    rows: int
    left_out: int
    repeated: int
    adds_up: bool


def by_polars(rows: Rows, winners: Path) -> LeaderTruth:
    """Return what frames say: bought at cost, paid one for each share of the winning outcome."""
    won = pl.read_csv(winners).filter(pl.col("winner").is_not_null()).select("market", "winner")
    told = pl.DataFrame(rows).filter(pl.col("side") != "").join(won, "market", "left")
    told = told.with_columns((pl.col("size", "usdc").str.to_decimal(scale=18).round(6) * MICRO).cast(pl.Int64))
    over = told.filter(pl.col("winner").is_not_null())
    paid, cost = int(over.filter(pl.col("outcome") == pl.col("winner"))["size"].sum()), int(over["usdc"].sum())
    return LeaderTruth(told.height, int(told["usdc"].sum()), paid, paid - cost)


def by_us(files: Sequence[Path], winners: Path) -> Account:
    """Return what our reading and arithmetic say."""
    history = open_history(files, [winners])
    sums, tokens, fills = LeaderSums(), dict[str, dict[str, int]](), 0
    for _, what in history.market_events:
        if isinstance(what, ActionableSignal):
            fills += len(what.fills)
            tokens.setdefault(what.market.condition_id, {})[what.token_id] = what.market.outcome_index or 0
            sums.add_trade(what.leader, what.token_id, what.side, what.shares, what.usdc)
        elif isinstance(what, LeaderChange):
            sums.add_change(what)
        elif isinstance(what, ResolvedMarket):
            _pay(sums, what, tokens.pop(what.condition_id, {}))
    (found,) = sums.sums.values()
    read = [reading for reading in history.readings if reading.form != "resolutions"]
    adds_up = all(
        each.rows == each.trades + sum(each.kinds.values()) + each.repeated + each.unread for each in history.readings
    )
    return Account(
        LeaderTruth(fills, found.spent, found.paid_out, found.realized),
        sum(each.rows for each in read),
        sum(each.unread for each in read),
        sum(each.repeated for each in read),
        adds_up and fills == sum(each.trades for each in read),
    )


def _pay(sums: LeaderSums, market: ResolvedMarket, tokens: dict[str, int]) -> None:
    for token, place in tokens.items():
        sums.pay_token(token, market.payouts[place])
    sums.pay_rest(market.condition_id, market.payouts)
