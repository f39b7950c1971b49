"""Activity rows and push payloads, as the feeds show a fill, a redemption, a merge or a split."""

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from simulator.core.amounts import number, ratio
from simulator.core.fill import Fill, Order
from simulator.core.market import Market
from simulator.core.settlement import Profile, Stamp
from simulator.data_api.activity import V1_NAMES, Row

_dumped = lru_cache(maxsize=10_000)(json.dumps)


def row_of(fill: Fill, timestamp: int, profile: Profile, seq: int) -> Row:
    """Return the activity row of a fill."""
    order = fill.order
    return Row(
        wallet=fill.wallet,
        timestamp=timestamp,
        seq=seq,
        data_at_ms=fill.data_at_ms,
        kind="TRADE",
        condition_id=fill.market.condition_id,
        side=order.side,
        shares=order.shares,
        usdc=fill.usdc_size,
        tx_hash=fill.tx_hash,
        taker=fill.role == "taker",
        texts=_captured(order, timestamp, fill.tx_hash) or _trade_texts(fill, timestamp, profile),
    )


@dataclass(frozen=True)
class Redeemed:
    """A redemption of one outcome's holding."""

    profile: Profile
    market: Market
    outcome: int
    shares: int
    payout: int
    tx_hash: str


def redeem_row(redeemed: Redeemed, seq: int, stamp: Stamp) -> Row:
    """Return the row of a redeemed outcome: labelled in v2, with v1's empty side and asset."""
    market, amount = redeemed.market, redeemed.payout
    labels: dict[str, object] = {
        "token_id": market.tokens[redeemed.outcome],
        "outcome_index": redeemed.outcome,
        "outcome": market.outcomes[redeemed.outcome],
        "size": json.loads(number(redeemed.shares)),
    }
    return Row(
        wallet=redeemed.profile.address,
        timestamp=stamp.timestamp,
        seq=seq,
        data_at_ms=stamp.data_at_ms,
        kind="REDEEM",
        condition_id=market.condition_id,
        side="",
        shares=redeemed.shares,
        usdc=amount,
        tx_hash=redeemed.tx_hash,
        taker=False,
        texts=_with_numbers(
            {
                **_labels(market, redeemed.profile),
                "timestamp": stamp.timestamp,
                "type": "REDEEM",
                "transactionHash": redeemed.tx_hash,
                "outcomeIndex": 999,
            },
            {"size": number(amount), "usdcSize": number(amount), "price": "0"},
        ),
        v2_texts={name: json.dumps(value) for name, value in labels.items()},
    )


Conversion = Literal["MERGE", "SPLIT"]


@dataclass(frozen=True)
class Converted:
    """Shares of both outcomes given back for as much collateral (MERGE), or had for it (SPLIT)."""

    kind: Conversion
    profile: Profile
    market: Market
    shares: int
    tx_hash: str


def converted_row(moved: Converted, seq: int, stamp: Stamp) -> Row:
    """Return the row of a merge or split: it names the market, no outcome, no side and no price (as captured in v1)."""
    market = moved.market
    return Row(
        wallet=moved.profile.address,
        timestamp=stamp.timestamp,
        seq=seq,
        data_at_ms=stamp.data_at_ms,
        kind=moved.kind,
        condition_id=market.condition_id,
        side="",
        shares=moved.shares,
        usdc=moved.shares,
        tx_hash=moved.tx_hash,
        taker=False,
        texts=_with_numbers(
            {
                **_labels(market, moved.profile),
                "timestamp": stamp.timestamp,
                "type": moved.kind,
                "transactionHash": moved.tx_hash,
                "outcomeIndex": 999,
            },
            {"size": number(moved.shares), "usdcSize": number(moved.shares), "price": "0"},
        ),
    )


def rtds_payload(fill: Fill, timestamp: int, profile: Profile) -> dict[str, object]:
    """Return the activity push of a fill."""
    market, order = fill.market, fill.order
    return {
        "asset": fill.token_id,
        "bio": "",
        "conditionId": market.condition_id,
        "eventSlug": market.event.slug,
        "icon": market.icon,
        "name": profile.name,
        "outcome": market.outcomes[order.outcome],
        "outcomeIndex": order.outcome,
        "price": float(ratio(order.usdc, order.shares)),
        "profileImage": "",
        "proxyWallet": order.wallet,
        "pseudonym": profile.pseudonym,
        "side": order.side,
        "size": order.shares / 1_000_000,
        "slug": market.slug,
        "timestamp": timestamp,
        "title": market.question,
        "transactionHash": fill.tx_hash,
    }


def _captured(order: Order, timestamp: int, tx_hash: str) -> tuple[str, ...] | None:
    if order.row is None:
        return None
    return retimed({**order.row, "transactionHash": _dumped(tx_hash)}, timestamp)


def retimed(row: dict[str, str], timestamp: int) -> tuple[str, ...]:
    """Return a captured row's texts, unchanged but for the time."""
    texts = {**row, "timestamp": str(timestamp)}
    blank = texts_of({})
    return tuple(texts.get(name, blank[place]) for place, name in enumerate(V1_NAMES))


def _trade_texts(fill: Fill, timestamp: int, profile: Profile) -> tuple[str, ...]:
    market, order = fill.market, fill.order
    return _with_numbers(
        {
            **_labels(market, profile),
            "timestamp": timestamp,
            "type": "TRADE",
            "transactionHash": fill.tx_hash,
            "asset": fill.token_id,
            "side": order.side,
            "outcomeIndex": order.outcome,
            "outcome": market.outcomes[order.outcome],
        },
        {
            "size": number(order.shares),
            "usdcSize": number(fill.usdc_size),
            "price": ratio(order.usdc, order.shares),
        },
    )


def _labels(market: Market, profile: Profile) -> dict[str, object]:
    return {
        "proxyWallet": profile.address,
        "conditionId": market.condition_id,
        "title": market.question,
        "slug": market.slug,
        "icon": market.icon,
        "eventSlug": market.event.slug,
        "name": profile.name,
        "pseudonym": profile.pseudonym,
    }


def _with_numbers(values: dict[str, object], numbers: dict[str, str]) -> tuple[str, ...]:
    texts = texts_of(values)
    return tuple(numbers.get(name, texts[place]) for place, name in enumerate(V1_NAMES))


def texts_of(values: dict[str, object]) -> tuple[str, ...]:
    """Return the JSON texts of values by their v1 names; equal texts are kept once."""
    return tuple(_dumped(values.get(name, "")) for name in V1_NAMES)
