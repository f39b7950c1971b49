"""The live venue: signs an order once, sends those bytes, and finds out what became of them."""

import contextlib
import threading
from collections.abc import Callable

from msgspec.structs import replace

from buyer.domain.order_result import OrderSeen, OwnTrade, provisional_outcome
from buyer.strategy.fill_model import dearest_fee
from buyer.venue.polymarket.account import AccountApi
from buyer.venue.polymarket.ban_detector import BanDetector
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
from buyer.venue.polymarket.refused_sells import RefusedSells
from buyer.venue.polymarket.signer import OrderSigner
from buyer.venue.polymarket.wire.order_amounts import SIZE_PLACES, order_amounts
from buyer.venue.polymarket.wire.order_responses import (
    AcceptedOrder,
    BarredAccount,
    Contradicted,
    KnownOrder,
    NotNowResponse,
    RefusedOrder,
    UnknownOutcome,
    Verdict,
    read_answer,
)
from buyer.venue.polymarket.wire.signed_order import SignedOrder
from shared.clock import Clock
from shared.domain.errors import Malformed, OutcomeUnknown, RefusedForSafety, Unavailable
from shared.domain.market import MarketFacts, is_position
from shared.domain.money import MICRO, Shares, Usdc, floor_to, half_even
from shared.http.client import HttpRequest, Upstream
from shared.http.response import retry_after_s
from shared.ledger.gated_commit import GateTurns
from shared.messages.base import fact_id
from shared.messages.decisions import Order, OrderState, Outcome
from shared.rate_limit.limits import GateLane

_SALT_DIGITS = 13
"""Hex digits of a salt: 52 bits, which survive a double (venue reference 3.3)."""
_CENT = Usdc(MICRO // 10**SIZE_PLACES)
REQUEST_LIVES_MS = 1000
"""How long a request may lie ready: the venue checks the time that its headers sign, in seconds."""
_STATES: dict[str, OrderState] = {"live": "LIVE", "delayed": "DELAYED", "matched": "MATCHED"}


_UNAUTHORIZED = 401


class _Ahead(threading.local):
    """What a thread prepared last, and its request."""

    text = ""
    sent: SignedOrder | None = None
    request: HttpRequest | None = None
    made_at_ms = 0


class PolymarketVenue:
    """Polymarket's CLOB for one shard, whose tokens several threads work on.

    What is prepared ahead is each thread's own. `orders` has no gate: the turn at it is taken with the intent.
    """

    def __init__(
        self,
        orders: Upstream,
        turns: GateTurns,
        account: AccountApi,
        *,
        signer: OrderSigner,
        wallet: TradingWallet,
        requests: RequestHeaders,
        clock: Clock,
        doubt: Callable[[str], None] = lambda _why: None,
        buys_barred: Callable[[str], None] = lambda _check: None,
    ) -> None:
        """Build it; `doubt` hears of a sell that the venue refused for want of shares.

        `buys_barred` is told the check of the preflight that keeps us from buying, while sells go on.
        """
        self._buys_barred = buys_barred
        self._orders, self.turns, self._account = orders, turns, account
        self._signer, self._wallet, self._requests = signer, wallet, requests
        self._clock, self._doubt = clock, doubt
        self._doubts = BanDetector(account.closed_only)
        self._sells = RefusedSells(self._refresh_token, clock=clock)
        self._ahead = _Ahead()

    def prepare(self, order: Order, facts: MarketFacts, made_at_ms: int) -> str:
        """Sign; salt and time are made from the order and its signal, so nothing is ever signed two ways.

        The turn is taken with the intent (which asks the kill switch), so that nothing lies between it and the order.
        """
        unsigned = self._unsigned(order, facts, made_at_ms)
        signature = whole_signature(unsigned, self._signer.sign(order_digest(unsigned)))
        looked_for_since_ms = min(made_at_ms, self._clock.now_ms())  # a leader's clock may be ahead of ours
        body = order_body(unsigned, signature, self._requests.owner)
        prepared = SignedOrder(body, order_hash(unsigned), looked_for_since_ms)
        ahead, ahead.text, ahead.sent, ahead.request = self._ahead, prepared.text, prepared, None
        self.turns.meanwhile = self._make_request
        return ahead.text

    def place(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome:
        """Post what was prepared, at the turn that its intent took, and read the answer.

        What the venue has seen before, or contradicts itself about, is looked up.

        Raises:
            OutcomeUnknown: it may have been taken; send the same again later.
            RefusedForSafety: the venue takes nothing from us any more; it did not take this.
        """
        sent = self._sent(prepared)
        self.turns.use()
        verdict = self._posted(sent)
        if isinstance(verdict, AcceptedOrder):
            return _accepted_outcome(verdict, order, sent)
        if isinstance(verdict, BarredAccount):
            if order.side == "SELL" or not verdict.closed_only:
                raise RefusedForSafety(verdict.fix)
            self._buys_barred("account")
            return _outcome("REJECTED", verdict.reason, sent)
        if isinstance(verdict, RefusedOrder):
            if order.side == "SELL":
                self._sells.learn(order.token_id, verdict.reason)
            return _outcome("REJECTED", verdict.reason, sent)
        found = self.find(order, facts, prepared) if isinstance(verdict, KnownOrder | Contradicted) else None
        if found is not None:
            return found
        if isinstance(verdict, KnownOrder):
            return _outcome("DELAYED", f"the venue has it and does not show it yet: {verdict.reason}", sent)
        raise OutcomeUnknown(f"order {sent.hash}: {verdict.reason}")

    def find(self, order: Order, facts: MarketFacts, prepared: str) -> Outcome | None:
        """Look for an order by its hash, among orders and trades; None only where the venue readably has neither.

        Raises:
            OutcomeUnknown: it could not be asked, or its answer cannot be read: that says nothing of the order.
            RefusedForSafety: the venue refuses our key, account or region.
        """
        del order
        if not prepared:
            return None
        try:
            sent = SignedOrder.of(prepared)
            seen = self._account.order(sent.hash)
            return _found(sent, seen, self._account.trades(sent.hash, facts, sent.signed_at_ms))
        except RefusedForSafety:
            raise
        except Exception as error:
            raise OutcomeUnknown(f"it cannot be found out what became of an order: {error}") from error

    def _sent(self, prepared: str) -> SignedOrder:
        ahead = self._ahead
        return ahead.sent if ahead.sent and ahead.text == prepared else SignedOrder.of(prepared)

    def _make_request(self) -> None:
        """Make the request of what was prepared while its intent is written; what fails here fails again in `place`."""
        ahead = self._ahead
        if ahead.sent is not None:
            ahead.made_at_ms = self._clock.now_ms()
            with contextlib.suppress(Malformed):
                ahead.request = self._request(ahead.sent, ahead.made_at_ms)

    def _request(self, sent: SignedOrder, now_ms: int) -> HttpRequest:
        headers = self._requests.headers("POST", "/order", sent.body, now_ms)
        return self._orders.request("POST", "/order", body=sent.body, headers=headers, lane=GateLane.ORDERS)

    def _made(self, sent: SignedOrder) -> HttpRequest:
        """Return the request, made just now or anew: its signed time must not be old."""
        ahead, now_ms = self._ahead, self._clock.now_ms()
        request, ahead.request = ahead.request, None
        fresh = request is not None and ahead.sent is sent and abs(now_ms - ahead.made_at_ms) < REQUEST_LIVES_MS
        return request if request is not None and fresh else self._request(sent, now_ms)

    def _refresh_token(self, token_id: str) -> None:
        self._doubt(f"a sell of {token_id} was refused for want of shares")
        kind = "CONDITIONAL-V2" if is_position(token_id) else "CONDITIONAL"
        self._account.refresh(kind, int(self._wallet.kind), token_id)

    def _posted(self, sent: SignedOrder) -> Verdict:
        try:
            answer = self._orders.send(self._made(sent))
            if self._requests.time.learn(answer.headers, self._clock.now_ms()) and answer.status == _UNAUTHORIZED:
                answer = self._orders.send(self._request(sent, self._clock.now_ms()))  # nobody took it: signed anew
        except (Unavailable, Malformed) as error:
            return UnknownOutcome(str(error))
        after_s = retry_after_s(answer.headers, self._clock.now_ms())
        verdict = read_answer(answer.status, answer.body, after_s)
        if isinstance(verdict, NotNowResponse):
            self.turns.gate.throttled(verdict.after_s)
        else:
            self.turns.gate.succeeded()
        return self._doubts.judged(sent.hash, verdict)

    def _unsigned(self, order: Order, facts: MarketFacts, made_at_ms: int) -> UnsignedOrder:
        quantity = order_spend(order, facts) if order.side == "BUY" else order.shares
        coarse = self._sells.is_coarse(order.token_id)
        return UnsignedOrder(
            wallet=self._wallet,
            exchange=exchange_of(order.token_id, neg_risk=facts.neg_risk),
            token_id=order.token_id,
            side=order.side,
            amounts=order_amounts(order.side, order.kind, quantity, order.limit_price, facts.tick, coarse=coarse),
            salt=int(fact_id("salt", order.id)[:_SALT_DIGITS], 16),
            signed_at_ms=made_at_ms,
            metadata=f"0x{order.signal_id}",
            kind=order.kind,
        )


def order_spend(order: Order, facts: MarketFacts) -> Usdc:
    """Return the collateral a market buy offers, before fees: with the dearest fee it stays within the budget."""
    offered = Usdc(floor_to(order.shares * order.limit_price // MICRO, _CENT))
    while offered > 0 and _dearest(offered, order, facts) > order.budget:
        offered -= _CENT
    return offered


def _dearest(offered: Usdc, order: Order, facts: MarketFacts) -> Usdc:
    shares = Shares(half_even(offered * MICRO, order.limit_price))
    return offered + dearest_fee(shares, order.limit_price, facts)


def _outcome(state: OrderState, reason: str, sent: SignedOrder) -> Outcome:
    return Outcome(state=state, shares=Shares(0), usdc=Usdc(0), fee=Usdc(0), reason=reason, order_hash=sent.hash)


def _accepted_outcome(answer: AcceptedOrder, order: Order, sent: SignedOrder) -> Outcome:
    """Return a provisional outcome: what the answer says matched, as far as it says."""
    usdc, shares = answer.making or 0, answer.taking or 0
    if order.side == "SELL":
        usdc, shares = shares, usdc
    given = _outcome(_STATES[answer.status], f"the venue says {answer.status}", sent)
    return replace(given, shares=shares, usdc=usdc, trade_ids=answer.trade_ids)


def _found(sent: SignedOrder, seen: OrderSeen | None, trades: list[OwnTrade]) -> Outcome | None:
    if trades:
        known = _outcome("MATCHED", "found by its hash", sent)
        told = tuple(sorted(seen.trade_ids)) if seen else ()
        return provisional_outcome(replace(known, trade_ids=told), trades)
    if seen is None:
        return None
    if seen.unmatched:
        return _outcome("CANCELLED", "ended without a match", sent)
    state = "MATCHED" if seen.standing == "matched" else "LIVE"
    ids = tuple(sorted(seen.trade_ids))
    return replace(_outcome(state, "found by its hash", sent), trade_ids=ids)
