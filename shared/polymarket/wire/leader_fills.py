"""Fills of a leader, read from rows, logs and subgraph entities: once, at the edge.

One bad row is a named problem beside the good ones; it never loses the batch. Amounts are micro-units.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, cast

from shared.domain.errors import Malformed
from shared.domain.market import Side
from shared.messages.signals import Cause, MarketHint
from shared.polymarket.wire.endpoints import EXCHANGES, EXCHANGES_V1
from shared.polymarket.wire.parsing import Raw, as_object, read_number, read_text
from shared.polymarket.wire.trade_amounts import TradeAmounts, amounts_of
from shared.polymarket.wire.venue_times import MOST_AHEAD_MS, is_millis, read_moment_ms

Role = Literal["maker", "taker"]
Names = Mapping[str, str]

ADDRESS = re.compile(r"0x[0-9a-f]{40}")
HASH = re.compile(r"0x[0-9a-f]{64}")
_TOKEN = re.compile(r"[1-9][0-9]{0,77}")

NOT_TRADES = frozenset(
    {
        *("SPLIT", "MERGE", "REDEEM", "CONVERSION", "MIGRATION", "REWARD", "YIELD", "MAKER_REBATE", "TAKER_REBATE"),
        *("REFERRAL_REWARD", "DEPOSIT", "WITHDRAWAL", "TIP"),
    }
)
"""Rows that are no trade (venue reference 1.1). The list has grown several times: unknown types are counted apart."""

MERGE = "MERGE"
"""Sets of all outcomes given back for collateral: a position ends without a trade."""

V2_NAMES: Names = MappingProxyType(
    {name: name for name in ("usdc_size", "proxy_wallet", "transaction_hash", "token_id", "condition_id")}
    | {name: name for name in ("outcome_index", "event_slug")}
)
V1_NAMES: Names = MappingProxyType(
    {
        "usdc_size": "usdcSize",
        "proxy_wallet": "proxyWallet",
        "transaction_hash": "transactionHash",
        "token_id": "asset",
        "condition_id": "conditionId",
        "outcome_index": "outcomeIndex",
        "event_slug": "eventSlug",
    }
)


NO_HINT = MarketHint()


@dataclass(frozen=True, slots=True)
class LeaderFill:
    """One execution of one order of a leader, as one source told it; without `exact_time` its time is an estimate.

    `usdc_micro` is fee-free; a fee that the source tells is in `fee_micro`, before CLOB V2 in `fee_shares_micro`, the
    shares that did not come. With `cause` MERGE it is no execution: `shares_micro` of every outcome went back for
    collateral; `token_id` is '' where the row names its market only.
    """

    leader: str
    tx_hash: str
    token_id: str
    side: Side
    shares_micro: int
    usdc_micro: int
    traded_at_ms: int
    log_index: int | None = None
    role: Role | None = None
    hint: MarketHint = NO_HINT
    exact_time: bool = True
    cause: Cause = "TRADE"
    fee_micro: int = 0
    fee_shares_micro: int = 0


@dataclass(frozen=True)
class FillReading:
    """What one answer held: the fills, how many rows it had, what was no trade, what could not be read."""

    fills: tuple[LeaderFill, ...]
    rows: int
    skipped: Mapping[str, int] = field(default_factory=dict[str, int])
    problems: tuple[str, ...] = ()


def only_of(reading: FillReading, leaders: Collection[str]) -> FillReading:
    """Return what belongs to `leaders`; an upstream that answers more than it was asked is a named problem."""
    ours = tuple(fill for fill in reading.fills if fill.leader in leaders)
    strangers = len(reading.fills) - len(ours)
    if not strangers:
        return reading
    problem = f"{strangers} fills of wallets that were not asked for"
    return FillReading(ours, reading.rows, reading.skipped, (*reading.problems, problem))


def no_later(reading: FillReading, now_ms: int) -> FillReading:
    """Return the same with no trade after now: an upstream's clock that is far ahead of ours is a named problem.

    Such a trade counts as traded now, by an estimate that any other source's word replaces.
    """
    latest_ms = now_ms + MOST_AHEAD_MS
    ahead = [fill for fill in reading.fills if fill.traded_at_ms > latest_ms]
    if not ahead:
        return reading
    fills = tuple(
        fill if fill.traded_at_ms <= latest_ms else replace(fill, traded_at_ms=now_ms, exact_time=False)
        for fill in reading.fills
    )
    told = (f"{fill.traded_at_ms // 1000} of {fill.tx_hash}" for fill in ahead)
    said = (f"timestamp {each} is ahead of our clock: taken as now" for each in told)
    return replace(reading, fills=fills, problems=(*reading.problems, *said))


class NotTrade(Exception):
    """A row that is fine and no trade; its text says what it is."""


def read_all(rows: Iterable[object], read_one: Callable[[Raw], LeaderFill]) -> FillReading:
    """Read each row on its own; what fails is named, the rest goes on."""
    fills: list[LeaderFill] = []
    skipped: Counter[str] = Counter()
    problems: list[str] = []
    count = 0
    for row in rows:
        count += 1
        try:
            fills.append(read_one(raw := as_object(row, "row")))
            if is_millis(raw.get("timestamp")):
                problems.append(f"timestamp was read as milliseconds in {_shortened(row)}")
        except NotTrade as reason:
            skipped[str(reason)] += 1
        except Malformed as error:
            problems.append(f"{error} in {_shortened(row)}")
    return FillReading(tuple(fills), count, dict(skipped), tuple(problems))


def read_activity(rows: Iterable[object], leader: str, names: Names = V2_NAMES, *, merges: bool = False) -> FillReading:
    """Read rows of the Data API's activity or trades feed of one leader; its merges too where they are wanted."""
    return read_all(rows, lambda row: activity_fill(row, leader, names, merges=merges))


def activity_fill(row: Raw, leader: str, names: Names, *, merges: bool = False) -> LeaderFill:
    """Read one row of a leader's activity.

    Raises:
        NotTrade: it is fine and no trade.
        Malformed: naming the field.
    """
    kind = read_text(row, "type") or "TRADE"
    merged = merges and kind == MERGE
    if kind != "TRADE" and not merged:
        raise NotTrade(kind if kind in NOT_TRADES else f"unknown type {kind[:40]}")
    owner = read_text(row, names["proxy_wallet"]).lower()
    if owner and owner != leader:
        raise Malformed(f"asked for {leader}, got a row of {owner[:42]}")
    side: Side = "SELL" if merged else _side(read_text(row, "side"))
    at_ms = row_time_ms(row)
    amounts = _amounts(row, names, side, at_ms)
    return LeaderFill(
        leader=leader,
        tx_hash=matching_fills(HASH, read_text(row, names["transaction_hash"]).lower(), names["transaction_hash"]),
        token_id=_merged_token(row, names)
        if merged
        else matching_fills(_TOKEN, read_text(row, names["token_id"]), names["token_id"]),
        side=side,
        shares_micro=amounts.shares,
        usdc_micro=amounts.usdc,
        traded_at_ms=at_ms,
        hint=_hint(row, names),
        cause="MERGE" if merged else "TRADE",
        fee_micro=amounts.fee,
        fee_shares_micro=amounts.fee_shares,
    )


def row_time_ms(row: Raw) -> int:
    """Return when a row says that it happened, in epoch milliseconds; `Malformed` where it says none that can be."""
    return read_moment_ms(row.get("timestamp"))


def _merged_token(row: Raw, names: Names) -> str:
    """Return the outcome a merge row names, '' for one that names its market only (all rows seen so far)."""
    token = read_text(row, names["token_id"])
    if not token and not read_text(row, names["condition_id"]):
        raise Malformed("a merge names no market")
    return matching_fills(_TOKEN, token, names["token_id"]) if token else ""


def _amounts(row: Raw, names: Names, side: Side, at_ms: int) -> TradeAmounts:
    """Return what a row moved; one that names no collateral (the trades feed's, a push) has it from its price."""
    size = read_number(row, "size")
    paid = read_number(row, names["usdc_size"]) if row.get(names["usdc_size"]) is not None else None
    amounts = amounts_of(side, size, read_number(row, "price", Decimal(0)), paid, at_ms)
    if amounts.shares <= 0:
        raise Malformed(f"size {size} is nothing traded")
    if amounts.usdc < 0:
        raise Malformed(f"usdc {paid} is below 0")
    return amounts


def _hint(row: Raw, names: Names) -> MarketHint:
    place = row.get(names["outcome_index"])
    return MarketHint(
        condition_id=read_text(row, names["condition_id"]).lower(),
        outcome_index=place if isinstance(place, int) and 0 <= place < 999 else None,  # noqa: PLR2004 - the venue's "unlabelled"
        outcome=read_text(row, "outcome"),
        title=read_text(row, "title"),
        slug=read_text(row, "slug"),
        event_slug=read_text(row, names["event_slug"]),
    )


def _side(side: str) -> Side:
    if side not in {"BUY", "SELL"}:
        raise Malformed(f"side {side[:20]!r} is neither BUY nor SELL")
    return cast("Side", side)


def read_subgraph(rows: Iterable[object]) -> FillReading:
    """Read `orderFilledEvents` of the V1 orderbook subgraph; the owner of the filled order is `maker`."""
    return read_all(rows, _subgraph_fill)


def _subgraph_fill(row: Raw) -> LeaderFill:
    given, received = read_text(row, "makerAssetId"), read_text(row, "takerAssetId")
    paid, got = whole_micro(row, "makerAmountFilled"), whole_micro(row, "takerAmountFilled")
    token, side, shares, usdc = by_assets(given, received, paid, got)
    return LeaderFill(
        leader=matching_fills(ADDRESS, read_text(row, "maker").lower(), "maker"),
        tx_hash=matching_fills(HASH, read_text(row, "transactionHash").lower(), "transactionHash"),
        token_id=token,
        side=side,
        shares_micro=shares,
        usdc_micro=usdc,
        traded_at_ms=row_time_ms(row),
        role=role_of(read_text(row, "taker").lower()),
    )


def by_assets(given: str, received: str, paid: int, got: int) -> tuple[str, Side, int, int]:
    """Return (token, side, shares, usdc) of a V1 order: asset "0" is collateral (venue reference 6.3).

    Raises:
        Malformed: neither or both assets are collateral, or no shares moved.
    """
    if (given == "0") == (received == "0"):
        raise Malformed(f"assets {given[:20]} and {received[:20]}: exactly one must be collateral")
    token, side, shares, usdc = (received, "BUY", got, paid) if given == "0" else (given, "SELL", paid, got)
    if shares <= 0:
        raise Malformed("no shares moved")
    return matching_fills(_TOKEN, token, "token"), side, shares, usdc


ALL_EXCHANGES = frozenset(EXCHANGES + EXCHANGES_V1)


def role_of(taker: str) -> Role:
    """Return whose order `OrderFilled` tells of: the taker's own names the exchange as its taker."""
    return "taker" if taker in ALL_EXCHANGES else "maker"


def matching_fills(pattern: re.Pattern[str], value: str, what: str) -> str:
    """Return `value` if it has its form.

    Raises:
        Malformed: it has not.
    """
    if not pattern.fullmatch(value):
        raise Malformed(f"{what} {value[:70]!r} has not its form")
    return value


def whole_micro(row: Raw, name: str) -> int:
    """Return a whole number above or at 0, sent as a number or as text.

    Raises:
        Malformed: it is something else.
    """
    value = read_number(row, name)
    if value != value.to_integral_value() or value < 0:
        raise Malformed(f"{name}: expected a whole number, got {value}")
    return int(value)


def _shortened(row: object) -> str:
    shown: Any = {k: v for k, v in cast("Raw", row).items() if v not in ("", None)} if isinstance(row, Mapping) else row
    return str(shown)[:300]
