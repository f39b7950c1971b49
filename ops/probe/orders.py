"""One minimal order each way with real money: what an answer, a trade and the balances say, held against the page.

It stands beside the ledger: no buyer may trade with this wallet meanwhile. Needs the extra `live`.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from secrets import randbits

from msgspec.structs import replace

from buyer.domain.order_result import OwnTrade
from buyer.venue.polymarket.account import AccountApi
from buyer.venue.polymarket.account_access import read_key, wallet_of
from buyer.venue.polymarket.credentials import RequestHeaders
from buyer.venue.polymarket.order_signing import (
    TradingWallet,
    UnsignedOrder,
    exchange_of,
    order_body,
    order_digest,
    order_hash,
    whole_signature,
)
from buyer.venue.polymarket.signer import OrderSigner
from buyer.venue.polymarket.wire.order_amounts import order_amounts
from buyer.venue.polymarket.wire.order_responses import AcceptedOrder, read_answer
from ops.probe.belief import Belief, NothingToSee, demand
from ops.probe.upstreams import ProbedVenue
from shared.domain.errors import HybridError
from shared.domain.market import MarketFacts, Side
from shared.domain.money import MICRO, Price, Shares, from_micro, taker_fee
from shared.polymarket.clob import fetch_book
from shared.polymarket.wire.parsing import parse_market

LEAST = MICRO
"""One pUSD: what a market buy offers at least."""
_CENT = MICRO // 100
_DEAREST, _CHEAPEST = 600_000, 200_000
_SALT_BITS = 52
_SETTLES_S = 60.0
_AGAIN_S = 1.0
_FINAL = "CONFIRMED"


@dataclass
class ProbeTrader:
    """The wallet of the settings, able to post one order after the other."""

    venue: ProbedVenue
    bought: list[OwnTrade] = field(default_factory=list[OwnTrade])

    def __post_init__(self) -> None:
        """Read the key and derive the API key.

        Raises:
            BadConfig, RefusedForSafety: the key is missing or wrong, or the venue does not take it.
        """
        settings, clob = self.venue.found.buyer, self.venue.upstream("clob")
        self.signer = OrderSigner(settings.key_source.read())
        self.wallet: TradingWallet = wallet_of(settings, self.signer)
        clock = self.venue.ask.clock
        self.requests = RequestHeaders(self.signer.address, read_key(settings, clob, self.signer, self.wallet, clock))
        self.account = AccountApi(clob, self.requests, self.venue.node, clock=clock)

    def beliefs(self) -> Iterator[Belief]:
        """Give what an order each way can confirm, in the order in which it must be asked."""
        yield Belief("3.6", "the spenders of collateral are the exchanges and one more", self._spenders)
        yield Belief("3.4", "a market buy gets ceil(sum / p) shares, or a mint's", self._buy)
        yield Belief("3.5", "the fee is shares x rate x p x (1 - p), cut to 5 decimals", self._fee)
        yield Belief("3.6", "what was bought can be sold once it is settled", self._sell)

    def _spenders(self) -> str:
        balance = self.account.holding("COLLATERAL", int(self.wallet.kind))
        demand(balance.allowances, "no spender is listed")
        return f"{len(balance.allowances)} spenders, {from_micro(balance.balance)} pUSD"

    def _buy(self) -> str:
        facts, price = self._market()
        spent = least_sum(facts.min_shares, price)
        trades = self._traded("BUY", spent, price, facts)
        shares, usdc = sum(each.shares for each in trades), sum(each.usdc for each in trades)
        self.bought, self.facts = trades, facts
        if len(trades) > 1 or not all(each.sized for each in trades):
            raise NothingToSee(f"{len(trades)} trades, {from_micro(shares)} shares for {from_micro(usdc)}")
        at = round(usdc * MICRO / shares)
        demand(
            shares in _possible(spent, at), f"{from_micro(shares)} shares for {from_micro(usdc)} at {from_micro(at)}"
        )
        return f"{from_micro(shares)} shares for {from_micro(usdc)} of {facts.slug}"

    def _fee(self) -> str:
        if len(self.bought) != 1:
            raise NothingToSee("not one trade to look at")
        (trade,) = self.bought
        price = Price(round(trade.usdc * MICRO / trade.shares))
        due = taker_fee(Shares(trade.shares), price, self.facts.fee_rate, self.facts.fee_exponent)
        demand(abs(due - trade.fee) <= 1, f"{from_micro(trade.fee)} where {from_micro(due)} was due")
        return f"{from_micro(trade.fee)} at a rate of {from_micro(self.facts.fee_rate)}"

    def _sell(self) -> str:
        if not self.bought:
            raise NothingToSee("nothing was bought")
        facts = self.facts
        shares = sum(each.shares for each in self.bought)
        self.account.refresh("CONDITIONAL", int(self.wallet.kind), facts.token_id)
        book = fetch_book(self.venue.upstream("clob"), facts.token_id, self.venue.ask.clock)
        if not book.bids:
            raise NothingToSee(f"nobody bids for {facts.slug}: {from_micro(shares)} shares are left")
        trades = self._traded("SELL", shares, book.bids[0].price, facts)
        return f"{from_micro(sum(each.shares for each in trades))} shares for {from_micro(sum(e.usdc for e in trades))}"

    def _market(self) -> tuple[MarketFacts, Price]:
        """Return a market in the middle of its range, and the price asked."""
        for raw in self.venue.open_markets:
            for facts in _readable(raw):
                if not facts.accepting_orders:
                    continue
                book = fetch_book(self.venue.upstream("clob"), facts.token_id, self.venue.ask.clock)
                if book.asks and book.bids and _CHEAPEST <= book.asks[0].price <= _DEAREST:
                    return replace(facts, tick=book.tick or facts.tick), book.asks[0].price
        raise NothingToSee("no open market asks between 0.20 and 0.60")

    def _traded(self, side: Side, quantity: int, price: Price, facts: MarketFacts) -> list[OwnTrade]:
        """Post one FAK order and return its trades once they are settled."""
        clock, clob = self.venue.ask.clock, self.venue.upstream("clob")
        order = UnsignedOrder(
            wallet=self.wallet,
            exchange=exchange_of(facts.token_id, neg_risk=facts.neg_risk),
            token_id=facts.token_id,
            side=side,
            amounts=order_amounts(side, "FAK", quantity, price, facts.tick, coarse=side == "SELL"),
            salt=randbits(_SALT_BITS),
            signed_at_ms=clock.now_ms(),
        )
        body = order_body(order, whole_signature(order, self.signer.sign(order_digest(order))), self.requests.owner)
        headers = self.requests.headers("POST", "/order", body, clock.now_ms())
        answer = clob.send(clob.request("POST", "/order", body=body, headers=headers))
        verdict = read_answer(answer.status, answer.body)
        demand(isinstance(verdict, AcceptedOrder), f"{side} of {facts.slug}: {verdict}")
        return self._settled(order_hash(order), facts, order.signed_at_ms)

    def _settled(self, name: str, facts: MarketFacts, since_ms: int) -> list[OwnTrade]:
        clock = self.venue.ask.clock
        ends = clock.monotonic() + _SETTLES_S
        trades: list[OwnTrade] = []
        while clock.monotonic() < ends:
            trades = self.account.trades(name, facts, since_ms)
            if trades and all(each.state == _FINAL for each in trades):
                return trades
            clock.wait(threading.Event(), _AGAIN_S)
        raise NothingToSee(f"order {name}: {[each.state for each in trades]} after {_SETTLES_S:g} s")


def least_sum(min_shares: Shares, price: Price) -> int:
    """Return the least sum in whole cents that buys what can be sold again: the venue's minimum is in shares."""
    needed = -(-min_shares * price // MICRO)
    return max(LEAST, (needed // _CENT + 1) * _CENT)


def _possible(spent: int, price: int) -> set[int]:
    """Return the shares that a sum gets at a price: of somebody's shares, or minted with another buyer."""
    others_price = MICRO - price
    others = spent * MICRO // price * others_price // MICRO
    minted = others * MICRO // others_price
    return {near + off for near in (-(-spent * MICRO // price), minted) for off in (-1, 0, 1)}


def _readable(raw: object) -> list[MarketFacts]:
    try:
        return parse_market(raw)
    except HybridError:
        return []
