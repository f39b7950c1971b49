"""Matches of orders as our own code rounds and signs them: all ticks, all wallet types, both sides, resting and not."""

from dataclasses import dataclass
from random import Random
from typing import Any

from pydantic import SecretStr

from buyer.venue.polymarket.order_signing import (
    TradingWallet,
    UnsignedOrder,
    WalletKind,
    exchange_of,
    order_digest,
    whole_signature,
)
from buyer.venue.polymarket.signer import OrderSigner, checksummed
from buyer.venue.polymarket.wire.order_amounts import AMOUNT_PLACES, Kind, OrderAmounts, order_amounts
from shared.domain.money import MICRO, Price, ceil_to, floor_to
from shared.polymarket.wire.endpoints import NEG_RISK_CTF_EXCHANGE_V2
from tests.detector.sources.pending.evm.conftest import TRADERS
from tests.detector.sources.pending.evm.venues import Venue
from tests.detector.sources.pending.match_builder import Match, Wallet
from tests.detector.sources.pending.random_matches import PlainOrder, taker_needs, taker_receives

CENT = 10_000
MOST_FEE = 20
"""The exchange caps fees at 500 bps: a twentieth of the cash."""


@dataclass(frozen=True)
class OurOrder:
    """An order of our buyer; `encoded` is what stands in calldata."""

    wallet: Wallet
    unsigned: UnsignedOrder

    @property
    def encoded(self) -> tuple[Any, ...]:
        """Return the struct with our signature."""
        order = self.unsigned
        maker, signer = order.wallet.names
        key = OrderSigner(SecretStr(f"{self.wallet.number:064x}"))
        signature = whole_signature(order, key.sign(order_digest(order)))
        amounts = (int(order.token_id), order.amounts.maker, order.amounts.taker, int(order.side == "SELL"))
        words = (int(order.wallet.kind), order.signed_at_ms, bytes(32), bytes(32), bytes.fromhex(signature[2:]))
        return (order.salt, maker, signer, *amounts, *words)


@dataclass(frozen=True)
class SignedMatch:
    """A match of our orders, and what of the taker's fill makers really take."""

    match: Match
    used: int


def our_order(
    venue: Venue, wallet: Wallet, plain: PlainOrder, salt: int, kind: Kind, signed_at_ms: int = 1_790_000_000_000
) -> OurOrder:
    """Sign an order with the buyer's code; the wallet's address is ours to derive, not the test's."""
    owner = OrderSigner(SecretStr(f"{wallet.number:064x}")).address
    trading = TradingWallet(WalletKind(wallet.kind), checksummed(wallet.address), owner)
    token = str(venue.tokens[plain.outcome])
    unsigned = UnsignedOrder(
        wallet=trading,
        exchange=exchange_of(token, neg_risk=venue.exchange == NEG_RISK_CTF_EXCHANGE_V2),
        token_id=token,
        side="SELL" if plain.is_sell else "BUY",
        amounts=OrderAmounts(plain.gives, plain.wants),
        salt=salt,
        signed_at_ms=signed_at_ms,
        kind=kind,
    )
    return OurOrder(wallet, unsigned)


def a_signed_match(random: Random, venue: Venue, number: int) -> SignedMatch:
    """Return a match at one tick: a taker, FAK or GTC, against resting makers of his price or better."""
    tick = random.choice([*AMOUNT_PLACES])
    price = tick * random.randint(max(1, 50_000 // tick), min(MICRO // tick - 1, 950_000 // tick))
    is_sell, outcome, mixed = random.random() < 0.5, random.randint(0, 1), random.random() < 0.6
    makers = [_maker(random, price, tick, outcome, is_sell=is_sell, mixed=mixed) for _ in range(random.randint(1, 3))]
    fills = [random.choice([each.gives, random.randint(1, each.gives)]) for each in makers]
    got = [fill * each.wants // each.gives for fill, each in zip(fills, makers, strict=True)]
    used, received = taker_needs(is_sell, makers, fills, got), taker_receives(is_sell, makers, fills, got)
    kind: Kind = random.choice(["FAK", "GTC"])
    taker = _taker(price, tick, outcome, used, kind, is_sell=is_sell)
    fee = random.choice([0, _fee(taker, used, received)])
    orders = [
        our_order(
            venue, TRADERS[(number + place) % len(TRADERS)], each, number * 16 + place, kind if not place else "GTC"
        )
        for place, each in enumerate((taker, *makers))
    ]
    named: dict[str, Any] = {"exchange": venue.exchange, "condition": venue.condition, "received": received}
    first, *others = orders
    made: Any = (first, tuple(others), used, tuple(fills), fee, (0,) * len(makers))
    return SignedMatch(Match(*made, **named), used)


def _maker(random: Random, price: int, tick: int, outcome: int, *, is_sell: bool, mixed: bool) -> PlainOrder:
    shares, better = random.randint(500, 4_000) * CENT, tick * random.choice([0, 1, 2])
    if mixed and random.random() < 0.6:  # the other outcome on the same side: a MINT or a MERGE
        return _resting(1 - outcome, shares, MICRO - price + (-better if is_sell else better), tick, is_sell=is_sell)
    return _resting(outcome, shares, price + (better if is_sell else -better), tick, is_sell=not is_sell)


def _resting(outcome: int, shares: int, price: int, tick: int, *, is_sell: bool) -> PlainOrder:
    price = min(max(price, tick), MICRO - tick)
    amounts = order_amounts("SELL" if is_sell else "BUY", "GTC", shares, Price(price), Price(tick))
    return PlainOrder(0, outcome, is_sell, amounts.maker, amounts.taker)


def _taker(price: int, tick: int, outcome: int, used: int, kind: Kind, *, is_sell: bool) -> PlainOrder:
    quantity = ceil_to(used, CENT)
    if not is_sell and kind == "GTC":
        quantity = floor_to(used * MICRO // price, CENT) + 2 * CENT
    amounts = order_amounts("SELL" if is_sell else "BUY", kind, quantity, Price(price), Price(tick))
    return PlainOrder(0, outcome, is_sell, amounts.maker, amounts.taker)


def _fee(taker: PlainOrder, used: int, received: int) -> int:
    """Return 5% x shares x p x (1 - p), where the exchange's cap lets it: for a SELL by the cash at its limit."""
    cash, shares = (received, used) if taker.is_sell else (used, received)
    fee = cash * (shares - cash) // shares // MOST_FEE
    return min(fee, used * taker.wants // taker.gives // MOST_FEE) if taker.is_sell else fee
