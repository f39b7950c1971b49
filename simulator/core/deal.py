"""Deals: fills that somebody asks for, turned into the match that produces them."""

from dataclasses import dataclass

from simulator.core import identity
from simulator.core.amounts import PRICE_ONE, cost
from simulator.core.book import Side, opposite
from simulator.core.fill import Match, Order, Role
from simulator.core.market import Market


@dataclass(frozen=True, kw_only=True)
class Deal:
    """One wallet trades a token; amounts per fill in micro-shares, price in units.

    `fills` > 1 are resting orders of the wallet swept in one transaction, so it is the maker. With
    `mint` the other side trades the complementary token in the same direction.
    """

    wallet: str
    token_id: str
    side: Side
    shares: int
    price: int
    role: Role = "taker"
    fills: int = 1
    mint: bool = False
    counterparty: str = ""
    tx_hash: str | None = None


def match_of(market: Market, deal: Deal, at_ms: int) -> Match:
    """Return the match behind a deal."""
    if deal.fills > 1 and deal.role == "taker":
        msg = "a taker has one fill per transaction; give role='maker'"
        raise ValueError(msg)
    own = _own(market, deal)
    other = _other(own, deal, at_ms)
    if deal.role == "taker":
        return Match(market, own, (other,), at_ms, deal.tx_hash)
    taker = _times(other, deal.fills)
    return Match(market, taker, (own,) * deal.fills, at_ms, deal.tx_hash)


def _own(market: Market, deal: Deal) -> Order:
    usdc = cost(deal.shares, deal.price, up=deal.side == "BUY")
    return Order(deal.wallet, market.outcome_of(deal.token_id), deal.side, deal.shares, usdc)


def _other(own: Order, deal: Deal, at_ms: int) -> Order:
    wallet = deal.counterparty or crowd(at_ms, deal.wallet)
    if deal.mint:
        return Order(wallet, 1 - own.outcome, own.side, own.shares, own.shares - own.usdc)
    return Order(wallet, own.outcome, opposite(own.side), own.shares, own.usdc)


def _times(order: Order, count: int) -> Order:
    return Order(order.wallet, order.outcome, order.side, order.shares * count, order.usdc * count)


def crowd(at_ms: int, *seed: object) -> str:
    """Return one of the many wallets nobody follows."""
    member = int(identity.digest("member", at_ms, *seed)[:4], 16) % 64
    return identity.address("crowd", member)


def clamp(price: int, tick: int) -> int:
    """Return a price on the tick grid, inside [tick, 1 - tick]."""
    return min(max(price // tick * tick, tick), PRICE_ONE - tick)
