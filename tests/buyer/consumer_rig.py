"""A buyer service on a real server, stepped by hand."""

import queue
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

from msgspec.structs import replace

from buyer.consumer import SignalConsumer
from buyer.domain.token_shard import ALL, TokenShard
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.exit_store import ExitStore
from buyer.execution.intent_codec import read_open_order
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.recovery.recent_purchases import RecentPurchases
from buyer.recovery.retractions import Retractions
from buyer.settlement.worker import SettlementWorker
from buyer.settlement.writer import SettlementWriter
from buyer.sharding.shard_count import ShardCount
from buyer.sharding.shard_ledger import ShardLedger
from buyer.strategy.limits import TradingLimits
from buyer.token_executor import TokenExecutor
from shared.clock import Clock, ManualClock
from shared.domain.ledger_write import Balances
from shared.domain.market import Book
from shared.domain.record_kinds import ORDERS
from shared.ledger.local_copy import MirroredLedger
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, SIGNALS, Event
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from shared.redis.streams import stream_tail
from tests.buyer.builders import NOW_MS, some_limits
from tests.buyer.fakes import FakePrices, FakeVenue


class Feed(FakePrices):
    """Fake prices that remember what was warmed; the book is as old as `next_book` says, unless there is a clock."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self.warmed: list[str] = []
        self.clock = clock

    def book(self, token_id: str) -> tuple[Book | None, str]:
        if self.clock and self.next_book:
            self.next_book = replace(self.next_book, at_ms=self.clock.now_ms())
        return super().book(token_id)

    def warm(self, token_ids: tuple[str, ...]) -> None:
        self.warmed += token_ids

    def snapshot(self) -> dict[str, Any]:
        return {}


class Counted(RedisLedger):
    """A ledger that counts how often somebody asks it for balances."""

    reads = 0

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        self.reads += 1
        return super().read(accounts, writes, records)


class Rig:
    """A buyer service on a real server, stepped by hand."""

    def __init__(
        self,
        url: str,
        *,
        inbox: "queue.Queue[ActionableSignal] | None" = None,
        shard: TokenShard = ALL,
        consumer: str = "buyer-0",
        layout: ShardCount | None = None,
        prices: Feed | None = None,
        mode: Literal["paper", "live"] = "paper",
        settlement: SettlementWorker | None = None,
        limits: TradingLimits | None = None,
        lanes: int = 1,
    ) -> None:
        self.redis, self.clock, self.shard = connect_redis(url), ManualClock(NOW_MS), shard
        self.prices, self.venue = prices or Feed(), FakeVenue()
        condition = layout.condition if layout else None
        self.lease = Lease(self.redis, shard.lease(mode), consumer, clock=self.clock, only_while=condition)
        self.ledger = whole = Counted(self.redis, mode)
        mirror = MirroredLedger(whole, self.clock) if shard == ALL else None
        self.journal = Journal(ShardLedger(mirror or whole, shard), lambda: self.lease.fence, mirror)
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.prices,
            venue=self.venue,
            clock=self.clock,
            limits=limits or some_limits(),
            identity=BuyerIdentity(mode, "c", "v"),
            emit=self.decided,
        )
        self.exits = ExitStore(ShardLedger(mirror or whole, shard), lambda: self.lease.fence)
        self.reader = GroupReader(
            connect_redis(url),
            SIGNALS,
            shard.group(mode),
            consumer,
            clock=self.clock,
            sole=shard.of > 1,
            mine=lambda entry: shard.owns_entry(entry.id, entry.json),
            block_ms=1,
        )
        self.service = SignalConsumer(
            executor=self.engine,
            journal=self.journal,
            prices=cast("MarketPriceFeed", self.prices),
            lease=self.lease,
            reader=self.reader,
            clock=self.clock,
            bankroll=lambda: 1_000_000_000,
            inbox=inbox,
            settlement=settlement,
            shard=shard,
            layout=layout,
            token_executor=TokenExecutor(lanes),
            retractions=Retractions(
                self.engine,
                self.journal,
                self.exits,
                RecentPurchases(self.redis, mode).find,
                limits=limits or some_limits(),
                clock=self.clock,
            ),
        )

    def decided(self, decision: BuyEngineDecision) -> None:
        self.service.counter.count(decision)

    def run_until(self, done: Callable[[], bool]) -> None:
        """Run the service until `done`; fail loudly when it never is."""
        stop = threading.Event()
        turns = iter(range(300))

        class Stop(threading.Event):
            def is_set(self) -> bool:
                assert next(turns, None) is not None, "the service never got there"
                return done() or stop.is_set()

        work = self.service.consume if self.lease.token else self.service.run
        work(Stop())

    def settle(self) -> None:
        """Confirm every live order, as settlement does once its trades are on the chain."""
        writer = SettlementWriter(ShardLedger(self.ledger, self.shard), lambda: self.lease.fence)
        for text in self.ledger.records(ORDERS).values():
            decision = read_open_order(text)
            assert decision.outcome is not None
            writer.settle(decision, replace(decision.outcome, state="CONFIRMED"))

    def decisions(self) -> list[BuyEngineDecision]:
        return [event for event in self.events(DECISIONS) if isinstance(event, BuyEngineDecision)]

    def events(self, stream: str) -> list[Event]:
        return [read_event(entry.json) for entry in stream_tail(self.redis, stream, 1000)]

    def settled(self) -> bool:
        """Say whether the group exists, has read everything and acknowledged it."""
        groups = {group["name"]: group for group in self.redis.xinfo_groups(SIGNALS)}
        ours, newest = groups.get(self.reader.group), stream_tail(self.redis, SIGNALS, 1)
        return bool(ours) and not ours["pending"] and (not newest or ours["last-delivered-id"] == newest[0].id)


def a_hash(number: int) -> str:
    return "0x" + f"{number:064x}"
