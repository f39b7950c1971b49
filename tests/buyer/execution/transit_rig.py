"""A paper buyer whose orders travel, on a real server with a market for every token."""

import queue
import threading
from collections.abc import Callable
from typing import cast

from buyer.consumer import SignalConsumer
from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.order_transit import OrderTransit
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.recovery.recent_purchases import RecentPurchases
from buyer.recovery.retractions import Retractions
from buyer.venue.paper import PaperVenue
from buyer.venue.paper_liquidity import TakenLiquidity
from shared.clock import Clock, ManualClock, SystemClock
from shared.domain.market import Book, MarketFacts
from shared.messages.base import SIGNALS
from shared.messages.decisions import BuyEngineDecision, Order, Outcome
from shared.messages.signals import ActionableSignal
from shared.redis.streams import publish_event
from tests.amounts import D
from tests.buyer.builders import a_book, a_market, a_signal, some_limits
from tests.buyer.consumer_rig import Feed, Rig, a_hash

FIRST = "1"
LATENCY_S = 0.3
WIDE = {f"max_{cap}_usdc": D(100_000) for cap in ("market", "event", "group", "leader", "day", "total")}


class Town(Feed):
    """A market for every token, with a book of the moment."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        return a_market(token_id=token_id, condition_id="0x" + token_id.rjust(64, "0"), event_id=token_id), ""

    def book(self, token_id: str) -> tuple[Book | None, str]:
        self.asked += 1
        deep = (("0.5", "100000"),)
        return a_book((("0.49", "100000"),), deep, at_ms=self.clock.now_ms(), token_id=token_id), ""


class Travel(Rig):
    """A paper buyer whose orders travel, on a real server."""

    def __init__(
        self, url: str, clock: Clock, *, inbox: "queue.Queue[ActionableSignal] | None" = None, **limit: int
    ) -> None:
        super().__init__(url)
        self.clock, self.town = cast("ManualClock", clock), Town(clock)
        self.transit = OrderTransit(clock=clock, latency_s=LATENCY_S)
        self.arrivals, self.failures = list[str](), list[Exception]()
        limits = some_limits(max_orders_per_minute=1_000_000, **WIDE, **limit)
        self.engine = BuyExecutor(
            journal=self.journal,
            prices=self.town,
            venue=Noting(self),
            clock=clock,
            limits=limits,
            identity=BuyerIdentity("paper", "c", "v"),
            emit=self.decided,
            transit=self.transit,
        )
        tasks = ExitStore(self.ledger, lambda: self.lease.fence)
        self.service = SignalConsumer(
            executor=self.engine,
            journal=self.journal,
            prices=cast("MarketPriceFeed", self.town),
            lease=self.lease,
            reader=self.reader,
            clock=clock,
            bankroll=lambda: 1_000_000_000,
            inbox=inbox,
            exit_manager=ExitManager(self.engine, tasks, self.town, clock=clock, limits=limits),
            transit=self.transit,
            retractions=Retractions(
                self.engine, self.journal, tasks, RecentPurchases(self.redis, "paper").find, limits=limits, clock=clock
            ),
        )

    def say(self, number: int, token: str = FIRST, side: str = "BUY") -> ActionableSignal:
        now_ms = self.clock.now_ms()
        signal = a_signal(tx_hash=a_hash(number), token_id=token, side=side, traded_at_ms=now_ms)
        publish_event(self.redis, SIGNALS, signal)
        return signal

    def run_for_real(self, done: Callable[[], bool], seconds: float = 30) -> None:
        """Run on the system's clock until `done`."""
        clock, stop = SystemClock(), threading.Event()
        thread = threading.Thread(target=self.service.run, args=(stop,))
        began = clock.monotonic()
        thread.start()
        while not done() and clock.monotonic() - began < seconds:
            clock.wait(stop, 0.02)
        stop.set()
        thread.join(10)
        assert done()


class Noting(PaperVenue):
    """The paper venue, which notes whose order arrives; and fails when it is told to."""

    def __init__(self, rig: Travel) -> None:
        super().__init__(rig.town, clock=rig.clock, stop=threading.Event(), taken=TakenLiquidity())
        self._rig = rig

    def place(self, order: Order, facts: MarketFacts, prepared: str = "") -> Outcome:
        if self._rig.failures:
            raise self._rig.failures.pop()
        self._rig.arrivals.append(order.signal_id)
        return super().place(order, facts, prepared)


def bought(rig: Travel) -> list[BuyEngineDecision]:
    return [decision for decision in rig.decisions() if decision.verdict == "BUY"]
