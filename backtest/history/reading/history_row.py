"""One row of a history, whatever file it came from: a trade, or shares that came or went without one. Pure."""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

from shared.domain.market import Side
from shared.messages.base import fact_id
from shared.polymarket.wire.leader_fills import LeaderFill

Hint = tuple[str, int, str, str, str, str]
"""What a row says of its market: condition, outcome's number (-1: none), outcome, title, slug, event's slug."""

Kind = Literal["TRADE", "MERGE", "SPLIT", "REDEEM", "CONVERSION"]
USED: dict[str, Kind] = {
    "TRADE": "TRADE",
    "MERGE": "MERGE",
    "SPLIT": "SPLIT",
    "REDEEM": "REDEEM",
    "CONVERSION": "CONVERSION",
}
"""The kinds of rows that say what a leader has; all others (rewards, rebates, deposits) are no part of his trading."""

OUTCOMES = {"yes": 0, "up": 0, "over": 0, "token1": 0, "no": 1, "down": 1, "under": 1, "token2": 1}


class HistoryRow(NamedTuple):
    """One fill of a history; amounts in micro-units, `seen_ms` is when its collector saw it (0: nobody says).

    `usdc` is fee-free; the fee is in `fee`, or in `fee_shares` where it came out of the shares (before CLOB V2). Of
    another `kind` it is no fill: `token_id` is '' where the row names its market only. `block` numbers the stretch of
    its file in which it stands: rows of one second, with nothing of another second between them.
    """

    traded_ms: int
    leader: str
    tx_hash: str
    token_id: str
    side: Side
    shares: int
    usdc: int
    seen_ms: int
    hint: Hint
    fee: int = 0
    fee_shares: int = 0
    kind: Kind = "TRADE"
    log_index: int = -1
    block: int = 0


made_row: Callable[[tuple[object, ...]], HistoryRow] = partial(tuple.__new__, HistoryRow)  # type: ignore[arg-type]
"""Makes a row of all its fields in their order, three times as fast as by their names: a history has millions."""


def row_of(fill: LeaderFill) -> HistoryRow:
    """Return a fill that a feed of the venue tells as a row of a history."""
    said = fill.hint
    place = -1 if said.outcome_index is None else said.outcome_index
    return HistoryRow(
        fill.traded_at_ms,
        fill.leader,
        fill.tx_hash,
        fill.token_id,
        fill.side,
        fill.shares_micro,
        fill.usdc_micro,
        0,
        (said.condition_id, place, said.outcome, said.title, said.slug, said.event_slug),
        fill.fee_micro,
        fill.fee_shares_micro,
        fill.cause,
        -1 if fill.log_index is None else fill.log_index,
    )


def market_id(market: str) -> str:
    """Return the id of a market known by its title only."""
    return "0x" + fact_id("market", market)


def made_token(condition_id: str, outcome: str) -> str:
    """Return the id of an outcome that a file names in words only."""
    return str(int(fact_id("token", condition_id, outcome), 16))


def alone_market(token_id: str) -> str:
    """Return the id of the market of a token of which a file says nothing else."""
    return "0x" + fact_id("market of token", token_id)
