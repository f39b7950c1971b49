"""From a match to what is recorded of it: fills, logs and rows. Nothing here has a state."""

import json
from dataclasses import dataclass, field

from simulator import abi, contracts, identity
from simulator.abi import Emission, Trade
from simulator.activity import V1_NAMES, Row, texts_of
from simulator.amounts import number, ratio, taker_fee
from simulator.fill import Fill, Match, Order
from simulator.market import Market
from simulator.settings import Era


@dataclass(frozen=True)
class Profile:
    """A wallet's public face; `habit` is empty for the crowd."""

    address: str
    name: str
    pseudonym: str
    habit: str = ""


@dataclass(frozen=True)
class Stamp:
    """When a match becomes visible where."""

    block: int
    timestamp: int
    chain_at_ms: int
    rtds_at_ms: int
    data_at_ms: int


@dataclass(eq=False)
class Settlement:
    """A settled transaction: what a reorganisation takes back."""

    match: Match
    tx_hash: str
    block: int
    fills: list[Fill]
    rows: list[Row] = field(default_factory=list[Row])


def fee_of(match: Match, era: Era) -> int:
    """Return the taker's fee; V1-era markets of the simulator charge none."""
    if era == "v1":
        return 0
    return taker_fee(match.taker.shares, match.taker.usdc, match.market.fee_rate)


def fills_of(match: Match, tx_hash: str, stamp: Stamp, first_seq: int, fee: int) -> list[Fill]:
    """Return the makers' fills, then the taker's, in the order of their logs."""
    orders = (*match.makers, match.taker)
    last = len(orders) - 1
    return [
        Fill(
            seq=first_seq + place,
            market=match.market,
            order=order,
            role="taker" if place == last else "maker",
            counterparty=match.taker.wallet if place < last else "",
            tx_hash=tx_hash,
            order_hash=identity.hash32("order", tx_hash, first_seq + place),
            fee=fee if place == last else 0,
            matched_at_ms=match.at_ms,
            rtds_at_ms=stamp.rtds_at_ms,
            data_at_ms=stamp.data_at_ms,
            block=stamp.block,
            chain_at_ms=stamp.chain_at_ms,
        )
        for place, order in enumerate(orders)
    ]


def emissions_of(fills: list[Fill], era: Era) -> list[Emission]:
    """Return an OrderFilled per order and the taker's OrdersMatched at the end."""
    filled, matched = (
        (abi.order_filled_v1, abi.orders_matched_v1) if era == "v1" else (abi.order_filled_v2, abi.orders_matched_v2)
    )
    trades = [_trade_of(fill, era) for fill in fills]
    return [*map(filled, trades), matched(trades[-1])]


def _trade_of(fill: Fill, era: Era) -> Trade:
    exchange = contracts.exchange(era, neg_risk=fill.market.neg_risk)
    return Trade(
        exchange=exchange,
        order_hash=fill.order_hash,
        maker=fill.wallet,
        taker=exchange if fill.role == "taker" else fill.counterparty,
        side=fill.order.side,
        token_id=fill.token_id,
        shares=fill.order.shares,
        usdc=fill.order.usdc,
        fee=fill.fee,
    )


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
        usdc=order.usdc,
        tx_hash=fill.tx_hash,
        taker=fill.role == "taker",
        texts=_captured(order, timestamp) or _trade_texts(fill, timestamp, profile),
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


def _captured(order: Order, timestamp: int) -> tuple[str, ...] | None:
    return None if order.row is None else retimed(order.row, timestamp)


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
            "usdcSize": number(order.usdc),
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
