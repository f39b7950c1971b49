"""A live buyer that stopped right after it sent an order: its intent has no outcome."""

import pytest
from redis import Redis

from buyer.execution.decision_writer import BuyerIdentity
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.venue.polymarket.wire.signed_order import SignedOrder
from shared.clock import ManualClock
from shared.domain.errors import OutcomeUnknown
from shared.domain.market import MarketFacts
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS
from shared.messages.decisions import BuyEngineDecision, Order
from shared.messages.events import read_event
from shared.redis.streams import stream_tail
from tests.buyer.builders import NOW_MS, a_signal, some_limits
from tests.buyer.fakes import FakePrices, FakeVenue
from tests.ops.operator.asked_venue import FILL


class Signing(FakeVenue):
    """A venue whose orders are signed."""

    def prepare(self, order: Order, facts: MarketFacts, now_ms: int) -> str:
        del order, facts
        return SignedOrder("{}", FILL.order_hash, now_ms).text


class Interrupted:
    """A live buyer that stopped right after it sent an order: its intent has no outcome."""

    def __init__(self, redis: Redis, venue: FakeVenue | None = None) -> None:
        self.ledger, self.signal = RedisLedger(redis, "live"), a_signal()
        venue, self.clock = venue or FakeVenue(), ManualClock(NOW_MS)
        journal = Journal(self.ledger, lambda: None)
        journal.deposit(100_000_000)
        venue.unknown = 1
        self.engine = BuyExecutor(
            journal=journal,
            prices=FakePrices(),
            venue=venue,
            clock=self.clock,
            limits=some_limits(),
            identity=BuyerIdentity("live", "c", "v"),
            emit=lambda _: None,
        )
        with pytest.raises(OutcomeUnknown):
            self.engine.process_actionable(self.signal)

    def intents(self) -> dict[str, str]:
        return self.ledger.records("intents")

    def cash(self) -> int:
        return self.ledger.accounts().values["cash"]


def decisions(redis: Redis) -> list[BuyEngineDecision]:
    events = [read_event(entry.json) for entry in stream_tail(redis, DECISIONS, 10)]
    return [event for event in events if isinstance(event, BuyEngineDecision)]
