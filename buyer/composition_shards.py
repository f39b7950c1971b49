"""Build the consumer of one shard from what its process shares."""

import queue
from collections.abc import Callable
from dataclasses import dataclass

from buyer.composition_modes import ProcessParts, ShardMode, TradingMode
from buyer.consumer import SignalConsumer
from buyer.decision_counter import DecisionCounter
from buyer.domain.token_shard import ALL, GROUP, TokenShard
from buyer.execution.buy_gate import BuyGate
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.exits.leader_holdings import AskHeld, LeaderHoldings
from buyer.execution.exits.lot_looks import LotLooks
from buyer.execution.exits.other_side import OtherSide
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.leader_check import LeaderCheck
from buyer.market_data.loss_marker import LossMarker
from buyer.recovery.fill_adoption import FillAdoption
from buyer.recovery.recent_purchases import RecentPurchases
from buyer.recovery.recent_signals import RecentSignals
from buyer.recovery.retractions import Retractions
from buyer.recovery.server_losses import ServerLosses
from buyer.recovery.shard_identity import ShardIdentity
from buyer.settlement.buy_breaker import BuyBreaker
from buyer.settlement.worker import SettlementWorker
from buyer.settlement.writer import SettlementWriter
from buyer.sharding.shard_count import ShardCount
from buyer.sharding.shard_ledger import ShardLedger
from shared import logs
from shared.code_version import code_version
from shared.http.client import Upstream
from shared.ledger.ledger_marks import LedgerMarks
from shared.ledger.local_copy import MirroredLedger
from shared.ledger.port import Ledger, open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.polymarket.leader_positions import held_shares
from shared.polymarket.wire.endpoints import BUDGETS
from shared.rate_limit.gate import GateLimits, RateGate
from shared.redis.client import connect_redis
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from shared.redis.streams import StreamEntry

BLOCK_MS = 1000
READ_AT_ONCE = 256
"""Signals of one read at most: they are judged while the orders of those before are out, and no read comes between."""
POSITIONS = "data_positions"

Emit = Callable[[BuyEngineDecision], None]


class DecisionAnnouncer:
    """Tells of each decision: counts and breaker of the shard, the settlement of its order, whoever reads decisions."""

    def __init__(
        self, counter: DecisionCounter, settlement: SettlementWorker | None, emit: Emit, breaker: BuyBreaker
    ) -> None:
        self._counter, self._settlement, self._emit, self._breaker = counter, settlement, emit, breaker

    def announce(self, decision: BuyEngineDecision) -> None:
        """Tell everybody; that nobody reads what is printed must not end the buyer."""
        self._counter.count(decision)
        self._breaker.count(decision)
        if self._settlement:
            self._settlement.watch(decision)
        try:
            self._emit(decision)
        except (OSError, ValueError) as error:
            logs.get_logger("buyer").warning("nobody_reads_decisions", error=str(error))


@dataclass(frozen=True)
class ShardBuilder:
    """Builds each shard's consumer from what the process has, by the rows of its mode.

    `waiting` is how many signals of the same process may wait in each shard; 0 where they come by the stream alone.
    """

    parts: ProcessParts
    mode: TradingMode
    layout: ShardCount | None
    emit: Emit
    waiting: int

    def build(self, shard: TokenShard, lease: Lease) -> SignalConsumer:
        """Build the buyer of one shard; all that it writes carries the lease's token."""
        marks = self._marks(shard)
        whole, mirror = self._ledgers(shard, marks)
        ledger = ShardLedger(whole, shard)
        journal = Journal(ledger, lambda: lease.fence, mirror)
        gate = self._buy_gate(journal)
        writers = SettlementWriter(ledger, lambda: lease.fence), FillAdoption(whole, lambda: lease.fence)
        mode = self.mode.of_shard(ShardIdentity(shard, lease, *writers))
        if mode.order_turns:
            journal.send_at(mode.order_turns)
        counter = DecisionCounter()
        settings, prices, clock = self.parts.settings, self.parts.prices, self.parts.clock
        marker, looks = (
            LossMarker(lambda: open_lots(whole), prices, clock, self.parts.held),
            LotLooks(settings.limits),
        )
        breaker = BuyBreaker(
            ledger,
            lambda: lease.fence,
            marker.losses,
            clock=clock,
            limits=settings.limits,
            name=str(shard.number),
            at_hand=mirror.at_hand if mirror else None,
        )
        announcer = DecisionAnnouncer(counter, mode.settlement, self.emit, breaker)
        other_side = OtherSide(ExitStore(whole, lambda: lease.fence), clock)
        executor = self._executor(journal, mode, announcer, marker, looks, other_side)
        exits = ExitStore(ledger, lambda: lease.fence)
        return SignalConsumer(
            executor=executor,
            journal=journal,
            prices=prices,
            lease=lease,
            reader=self._reader(shard),
            clock=clock,
            bankroll=self.mode.bankroll,
            inbox=queue.Queue(self.waiting) if self.waiting else None,
            settlement=mode.settlement,
            recovery=mode.recovery,
            exit_manager=ExitManager(
                executor,
                exits,
                prices,
                clock=clock,
                limits=settings.limits,
                in_wallet=self.mode.in_wallet,
                looks=looks,
                kept=prices.book_at_hand if settings.warm_tokens else None,
                holdings=LeaderHoldings(self._ask_held(), clock, self.parts.stop),
            ),
            shard=shard,
            layout=self.layout,
            token_executor=mode.executor,
            transit=mode.transit,
            gate=gate,
            counter=counter,
            watchers=(marker.work_due, breaker.work_due),
            retractions=Retractions(
                executor,
                journal,
                exits,
                self.purchases().find,
                limits=settings.limits,
                clock=clock,
            ),
            losses=ServerLosses(
                ledger,
                lambda: lease.fence,
                marks,
                clock=clock,
                mirror=mirror,
                memory=self.parts.memory,
                doubt=self.mode.doubt,
            ),
        )

    @property
    def heir_of(self) -> str:
        """Name the group at whose place one that is new begins."""
        return GROUP

    def group(self, shard: TokenShard) -> str:
        """Name the group that reads the signals of a shard."""
        return shard.group(self.mode.name)

    def ledger(self, marks: LedgerMarks) -> RedisLedger:
        """Return the ledger that the buyer writes to."""
        return RedisLedger(self.parts.redis, self.mode.name, marks)

    def purchases(self) -> RecentPurchases:
        """Return what knows what signals were bought."""
        return RecentPurchases(self.parts.redis, self.mode.name)

    def _executor(
        self,
        journal: Journal,
        mode: ShardMode,
        announcer: DecisionAnnouncer,
        marker: LossMarker,
        looks: LotLooks,
        other_side: OtherSide,
    ) -> BuyExecutor:
        limits = self.parts.settings.limits.with_own(self.mode.wallets)
        return BuyExecutor(
            journal=journal,
            prices=self.parts.prices,
            venue=mode.venue,
            clock=self.parts.clock,
            limits=limits,
            identity=BuyerIdentity(self.mode.name, limits.id, code_version()),
            emit=announcer.announce,
            signal_of=RecentSignals(self.parts.redis).find,
            transit=mode.transit,
            in_wallet=self.mode.in_wallet,
            losses=marker.losses,
            stood=looks.stood,
            others=self.parts.prices.others_paid,
            sell_first=other_side.sell_first,
        )

    def _leaders(self) -> LeaderCheck:
        settings = self.parts.settings
        own = (*settings.tracked_wallets, *settings.tracked_wallet)
        return LeaderCheck(self.parts.redis, own, clock=self.parts.clock, trust_server=settings.trust_server_leaders)

    def _ask_held(self) -> AskHeld:
        """Return what asks the Data API for a leader's position, by a gate of its own."""
        parts, settings = self.parts, self.parts.settings
        limits = GateLimits(BUDGETS[POSITIONS].target_per_s)
        gate = RateGate(parts.redis, POSITIONS, limits, clock=parts.clock)
        timeout_s = settings.http_timeout_s
        data_api = Upstream(
            POSITIONS, settings.data_api_url, [gate], clock=parts.clock, stop=parts.stop, timeout_s=timeout_s
        )
        return lambda lot: held_shares(data_api, lot.leader, lot.condition_id, lot.token_id)

    def _buy_gate(self, journal: Journal) -> BuyGate:
        """Return what keeps this shard's buys back, also in the step of each intent."""
        limits = self.parts.settings.limits  # made anew, and checked, at each look

        def max_age_s(leader: str) -> float:
            return limits.of(leader).max_signal_age_s

        gate = BuyGate(self.parts.clock, max_age_s, self.mode.permission, self._leaders())
        journal.buy_through(gate)
        return gate

    def _marks(self, shard: TokenShard) -> LedgerMarks:
        """Return what the shard saw of the ledger last: on disk where there is money."""
        if self.parts.folder is None:
            return LedgerMarks()
        return self.parts.folder.marks(shard.lease(self.mode.name))

    def _ledgers(self, shard: TokenShard, marks: LedgerMarks) -> tuple[Ledger, MirroredLedger | None]:
        """Return the ledger, with a copy at hand where no other shard of ours writes to it all the time."""
        whole = self.ledger(marks)
        mirror = MirroredLedger(whole, self.parts.clock) if shard == ALL else None
        return mirror or whole, mirror

    def _reader(self, shard: TokenShard) -> GroupReader:
        """Block for new entries on a connection of its own; inside another process the inbox does the waiting."""
        settings = self.parts.settings

        def owned(entry: StreamEntry) -> bool:
            return shard.owns_entry(entry.id, entry.json)

        return GroupReader(
            connect_redis(settings.redis_url, blocking_s=BLOCK_MS / 1000, greet=self.parts.memory.greet),
            SIGNALS,
            self.group(shard),
            settings.consumer,
            clock=self.parts.clock,
            heir_of=self.heir_of,
            sole=True,
            mine=owned if shard.of > 1 else None,
            batch=READ_AT_ONCE,
            block_ms=1 if self.waiting else BLOCK_MS,
        )
