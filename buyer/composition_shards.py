"""What the shards of one process share, and how each is built from it: here live and paper differ."""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from redis import Redis

from buyer.config import BuyerSettings
from buyer.consumer import SignalConsumer
from buyer.domain.token_shard import ALL, TokenShard
from buyer.execution.buy_gate import BuyGate
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyerIdentity, BuyExecutor
from buyer.execution.order_transit import OrderTransit
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.recovery.fill_adoption import FillAdoption
from buyer.settlement.writer import SettlementWriter
from buyer.sharding.shard_count import ShardCount
from buyer.sharding.shard_ledger import ShardLedger
from buyer.venue.paper import PaperVenue
from buyer.venue.paper_liquidity import TakenLiquidity
from buyer.venue.port import Venue
from buyer.venue.shadow import ShadowedVenue
from shared import logs
from shared.clock import Clock
from shared.domain.money import to_micro
from shared.ledger.local_copy import MirroredLedger
from shared.ledger.port import Ledger
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal
from shared.process.service_life import code_version
from shared.redis.client import connect_redis
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from shared.redis.streams import StreamEntry, stream_tail

if TYPE_CHECKING:
    from buyer.composition_live import LiveAccount, LiveParts

BLOCK_MS = 1000
RECENT_SIGNALS = 5000
"""Where the signal of an intent, and the leader of a forgotten order, are looked for."""

Emit = Callable[[BuyEngineDecision], None]


@dataclass(frozen=True)
class ShardParts:
    """One process's connections, prices, account and outlet.

    `waiting` is how many signals of the same process may wait in each shard; 0 where they come by the stream alone.
    """

    settings: BuyerSettings
    mode: Literal["paper", "live"]
    redis: Redis
    layout: ShardCount
    prices: MarketPriceFeed
    account: "LiveAccount | None"
    emit: Emit
    clock: Clock
    stop: threading.Event
    waiting: int

    def open(self, shard: TokenShard, lease: Lease) -> SignalConsumer:
        """Build the buyer of one shard; all that it writes carries the lease's token."""
        whole, mirror = self._ledgers(shard)
        ledger = ShardLedger(whole, shard)
        journal = Journal(ledger, lambda: lease.fence, mirror)
        gate = self._buy_gate(journal)
        settling, adoption = SettlementWriter(ledger, lambda: lease.fence), FillAdoption(whole, lambda: lease.fence)
        live = self.account.parts(shard, lease, adoption, settling, self.prices) if self.account else None
        if live:
            journal.order_at(live.venue.turns)
        transit = self._transit(live)
        counting: list[SignalConsumer] = []

        def announce(decision: BuyEngineDecision) -> None:
            counting[0].decided(decision)
            if live:
                live.settlement.watch(decision)
            try:
                self.emit(decision)
            except (OSError, ValueError) as error:
                logs.get_logger("buyer").warning("nobody_reads_decisions", error=str(error))

        engine = BuyExecutor(
            journal=journal,
            prices=self.prices,
            venue=self._venue(live),
            clock=self.clock,
            limits=self.settings.limits,
            identity=BuyerIdentity(self.mode, self.settings.limits.id, code_version()),
            emit=announce,
            signal_of=self._signal_of,
            transit=transit,
        )
        tasks = ExitStore(ledger, lambda: lease.fence)
        service = SignalConsumer(
            engine=engine,
            journal=journal,
            prices=self.prices,
            lease=lease,
            reader=self._reader(shard),
            clock=self.clock,
            bankroll=self.account.bankroll if self.account else self._paper_bankroll,
            inbox=queue.Queue(self.waiting) if self.waiting else None,
            settlement=live.settlement if live else None,
            recovery=live.recovery if live else None,
            desk=ExitManager(engine, tasks, self.prices, clock=self.clock, limits=self.settings.limits),
            shard=shard,
            layout=self.layout,
            lanes=live.lanes if live else None,
            transit=transit,
            gate=gate,
        )
        counting.append(service)
        return service

    def _buy_gate(self, journal: Journal) -> BuyGate:
        """Return what keeps this shard's buys back, also in the step of each intent."""

        def max_age_s(leader: str) -> float:
            return self.settings.limits.of(leader).max_signal_age_s

        gate = BuyGate(self.clock, max_age_s, self.account.permission if self.account else None)
        journal.buy_through(gate)
        return gate

    def _paper_bankroll(self) -> int:
        return to_micro(self.settings.paper_bankroll_usdc)

    def _signal_of(self, signal_id: str) -> ActionableSignal | None:
        """Find a signal among the last ones: one that an intent stands for was not acknowledged yet."""
        named = (entry for entry in stream_tail(self.redis, SIGNALS, RECENT_SIGNALS) if signal_id in entry.json)
        events = (read_event(entry.json) for entry in named if entry.event == "ACTIONABLE_SIGNAL")
        return next((event for event in events if isinstance(event, ActionableSignal) and event.id == signal_id), None)

    def _ledgers(self, shard: TokenShard) -> tuple[Ledger, MirroredLedger | None]:
        """Return the ledger, with a copy at hand where no other shard of ours writes to it all the time."""
        whole = RedisLedger(self.redis, self.mode)
        mirror = MirroredLedger(whole, self.clock) if shard == ALL else None
        return mirror or whole, mirror

    def _venue(self, live: "LiveParts | None") -> Venue:
        if live:
            return ShadowedVenue(live.venue, self.prices.book_at_hand, live.venue.turns)
        return PaperVenue(self.prices, clock=self.clock, stop=self.stop, taken=TakenLiquidity())

    def _transit(self, live: "LiveParts | None") -> OrderTransit | None:
        """Return where paper orders travel; without a latency they meet the book at once."""
        latency_s = self.settings.paper_latency_s
        if live or not latency_s:
            return None
        return OrderTransit(clock=self.clock, stop=self.stop, latency_s=latency_s)

    def _reader(self, shard: TokenShard) -> GroupReader:
        """Block for new entries on a connection of its own; inside another process the inbox does the waiting."""

        def mine(entry: StreamEntry) -> bool:
            return shard.takes(entry.id, entry.json)

        return GroupReader(
            connect_redis(self.settings.redis_url, blocking_s=BLOCK_MS / 1000),
            SIGNALS,
            shard.group,
            self.settings.consumer,
            clock=self.clock,
            sole=True,
            mine=mine if shard.of > 1 else None,
            block_ms=1 if self.waiting else BLOCK_MS,
        )
