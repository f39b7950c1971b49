"""From a match to what is recorded of it: fills, logs and rows. Nothing here has a state."""

from dataclasses import dataclass, field

from simulator.chain import abi
from simulator.chain.abi import Emission, Trade
from simulator.core import contracts, identity
from simulator.core.amounts import taker_fee
from simulator.core.fill import Fill, Match
from simulator.core.settings import Era
from simulator.data_api.activity import Row


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


@dataclass(eq=False, slots=True)
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
    return taker_fee(match.taker.shares, match.taker.usdc, match.market.fee_rate, match.market.fee_exponent)


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
            order_hash=order.hash or identity.hash32("order", tx_hash, first_seq + place),
            fee=order.fee + (fee if place == last else 0),
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
    exchange = contracts.exchange(era, neg_risk=fill.market.neg_risk, token_id=fill.token_id)
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
        builder=fill.order.builder,
        metadata=fill.order.metadata,
    )
