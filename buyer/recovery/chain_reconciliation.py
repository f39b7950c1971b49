"""Reconciliation with the chain: a live buyer finds its own fills there that the server forgot, before it decides.

A power cut can take the last second of the journal with it, and the signal then comes again. The signed order carries
the signal's id, so its fill on the chain says that the signal was followed; it is adopted, never bought again.
"""

from collections.abc import Callable, Iterator
from typing import Protocol

from buyer.domain.chain_fills import ChainFill, own_fills
from buyer.domain.token_shard import ALL, TokenShard
from buyer.execution.venue_port import PriceSource
from buyer.recovery.fill_adoption import FillAdoption
from shared import logs
from shared.clock import Clock
from shared.domain.errors import GiveUp, Malformed, Unavailable
from shared.domain.market import MarketFacts
from shared.domain.money import Shares, Usdc, price_of
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision, Inputs, Order, Outcome
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.endpoints import EXCHANGES, ORDER_FILLED
from shared.polymarket.wire.order_filled import padded_address

LOOK_BACK_BLOCKS = 1200
"""Forty minutes at Polygon's two seconds: far longer than a server takes to come back, or a signal to go stale."""
LOOK_BACK_MS = 1_800_000
"""As far before a doubt began, by the blocks' own times: it may have begun long ago."""
SPAN_BLOCKS = 400
MOST_SPANS = 1000
"""Nine days of Polygon's blocks of two seconds."""
NOBODY = "0x" + "0" * 40
"""The leader of a fill whose signal is gone as well: `hybrid reconcile` shows its lot."""
FOUND = "found on the chain: the server had lost it"
"""The reason of a decision that nobody made: its fill is on the chain."""


class PendingTrades(Protocol):
    """Our own trades that are not on the chain yet."""

    def pending(self, since_ms: int) -> frozenset[str]:
        """Return the hashes of orders with a trade that is neither confirmed nor failed."""
        ...


class ChainReconciliation:
    """Adopts fills that the journal does not know; of several shards each those of its own tokens.

    `renew` keeps the lease: a slow node must not cost it before the first decision.
    """

    def __init__(
        self,
        polygon: PolygonClient,
        trades: PendingTrades,
        adoption: FillAdoption,
        prices: PriceSource,
        signals: Callable[[], Iterator[str]],
        *,
        wallet: str,
        clock: Clock,
        shard: TokenShard = ALL,
        renew: Callable[[], None] = lambda: None,
    ) -> None:
        self._polygon, self._trades, self._adoption, self._prices = polygon, trades, adoption, prices
        self._signals, self._wallet, self._clock, self._shard = signals, wallet, clock, shard
        self._renew = renew
        self.waiting = ""
        self._log = logs.get_logger("recovery")

    def run(self, doubt_since_ms: int = 0) -> list[BuyEngineDecision]:
        """Adopt every recent fill that the journal does not know, or since a doubt began; the settlement ends it.

        What was sold waits until what was bought before has settled: `waiting` says so, and it is to be run again.

        Raises:
            TryAgain: node or venue is away, or a trade of ours is on its way to the chain: nothing may be bought yet.
            Malformed: a fill cannot be read.
        """
        self._wait_for_unknown()
        fills = [fill for fill in self._fills(doubt_since_ms) if self._shard.owns(fill.token_id)]
        unknown = [fill for fill in fills if not self._adoption.knows_order(fill.signal_id)]
        adopted = [self._adopted(fill, self._leader(fill.signal_id)) for fill in unknown if fill.side == "BUY"]
        self.waiting = ""
        for sale in (fill for fill in unknown if fill.side == "SELL"):  # one by one: two may be of one lot
            seller = self._seller(sale)
            if seller is None:
                self.waiting = "the lots of forgotten sales"
            elif seller:
                adopted.append(self._adopted(sale, seller))
        for decision in adopted:
            self._log.error(
                "fill_adopted", signal_id=decision.signal_id, fix="the server lost what it had acknowledged"
            )
        return adopted

    def _wait_for_unknown(self) -> None:
        """Hold while a trade that no record explains has not reached the chain, where its signal can be read."""
        since_ms = self._clock.now_ms() - 600_000
        try:
            pending = self._trades.pending(since_ms)
        except GiveUp as error:
            raise Unavailable(f"our own trades cannot be read, so nothing is bought yet: {error}") from error
        unknown = pending - self._adoption.open_hashes()
        if unknown:
            raise Unavailable(f"{len(unknown)} trades of ours that no record explains are on their way to the chain")

    def _fills(self, doubt_since_ms: int) -> list[ChainFill]:
        """Return our fills, oldest first."""
        topics = [ORDER_FILLED, None, padded_address(self._wallet)]
        spans: list[list[object]] = []
        head = high = self._polygon.head()
        while high >= 0 and len(spans) < MOST_SPANS:
            self._renew()
            low = max(0, high - SPAN_BLOCKS + 1)
            spans.append(self._polygon.logs(low, high, EXCHANGES, topics))
            high = low - 1
            if head - high >= LOOK_BACK_BLOCKS and self._is_before(low, doubt_since_ms):
                break
        return own_fills([log for span in reversed(spans) for log in span])

    def _is_before(self, block: int, doubt_since_ms: int) -> bool:
        """Say whether a block is old enough: any, unless there is a doubt, and that began long after it."""
        return not doubt_since_ms or self._polygon.block_time_ms(block) < doubt_since_ms - LOOK_BACK_MS

    def _seller(self, fill: ChainFill) -> str | None:
        """Return whose lot a forgotten sale sold; None while that may come to be known, '' where none has it."""
        seller = self._adoption.seller_of(fill.token_id, fill.shares, self._leader(fill.signal_id))
        if seller is not None and not seller:
            fix = "`hybrid reconcile` shows where the wallet differs"
            self._log.error("sale_not_explained", token_id=fill.token_id, signal_id=fill.signal_id, fix=fix)
        return seller

    def _adopted(self, fill: ChainFill, leader: str) -> BuyEngineDecision:
        self._renew()
        facts, problem = self._prices.facts(fill.token_id)
        if facts is None:
            raise Unavailable(f"a fill of ours cannot be adopted yet: {problem}")
        # Of the moment of its block: the venue is asked for its trades from then on.
        made_at_ms = self._polygon.block_time_ms(fill.block) if fill.block else self._clock.now_ms()
        decision = rebuilt_intent(fill, facts, leader, made_at_ms)
        self._adoption.adopt(decision)
        return decision

    def _leader(self, signal_id: str) -> str:
        for text in self._signals():
            if signal_id not in text:
                continue
            try:
                event = read_event(text)
            except Malformed:
                continue
            if isinstance(event, ActionableSignal) and event.id == signal_id:
                return event.leader
        return NOBODY


def rebuilt_intent(fill: ChainFill, facts: MarketFacts, leader: str, now_ms: int) -> BuyEngineDecision:
    """Return the decision that must have stood: what it ordered is what was filled."""
    order = Order(
        id=fact_id("order", fill.signal_id),
        signal_id=fill.signal_id,
        token_id=fill.token_id,
        condition_id=facts.condition_id,
        leader=leader,
        side=fill.side,
        shares=Shares(fill.shares),
        limit_price=price_of(Usdc(fill.usdc), Shares(fill.shares)),
        budget=Usdc(fill.usdc + fill.fee if fill.side == "BUY" else 0),
    )
    outcome = Outcome(
        state="MATCHED",
        shares=Shares(fill.shares),
        usdc=Usdc(fill.usdc),
        fee=Usdc(fill.fee),
        reason="found on the chain",
        order_hash=fill.order_hash,
    )
    return BuyEngineDecision(
        id=fact_id("decision", fill.signal_id),
        emitted_at_ms=now_ms,
        signal_id=fill.signal_id,
        leader=leader,
        token_id=fill.token_id,
        mode="live",
        verdict=fill.side,
        reason=FOUND,
        rules=(),
        order=order,
        outcome=outcome,
        inputs=Inputs(now_ms=now_ms, market=facts),
    )
