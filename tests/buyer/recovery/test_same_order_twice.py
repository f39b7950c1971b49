"""The same decision made twice is the same order to the byte: what the venue has taken once it refuses."""

import pytest

from buyer.venue.polymarket.wire.signed_order import SignedOrder
from shared.domain.market import MarketFacts
from shared.messages.decisions import Order
from tests.buyer.builders import NOW_MS, a_market, a_signal
from tests.buyer.execution.executor_desk import Desk
from tests.buyer.fakes import FakeVenue
from tests.buyer.venue.polymarket.test_request_ahead import Floor, an_order


class NotingVenue(FakeVenue):
    """A venue that notes as of when orders are made."""

    def __init__(self) -> None:
        super().__init__()
        self.made: list[int] = []

    def prepare(self, order: Order, facts: MarketFacts, made_at_ms: int) -> str:
        self.made.append(made_at_ms)
        return super().prepare(order, facts, made_at_ms)


@pytest.mark.pitfall(50)
def test_an_order_is_made_of_its_signals_moment_whenever_it_is_decided() -> None:
    venue = NotingVenue()
    for late_s in (0, 7):
        desk = Desk(venue=venue)
        desk.clock.advance(late_s)
        desk.engine.process_actionable(a_signal())

    assert venue.made == [a_signal().traded_at_ms] * 2


@pytest.mark.pitfall(50)
def test_the_same_order_signed_again_later_is_the_same_bytes() -> None:
    floor = Floor()
    first = SignedOrder.of(floor.venue.prepare(an_order(), a_market(), NOW_MS - 5000))

    floor.clock.advance(60)
    again = SignedOrder.of(floor.venue.prepare(an_order(), a_market(), NOW_MS - 5000))

    assert (again.body, again.hash) == (first.body, first.hash)
