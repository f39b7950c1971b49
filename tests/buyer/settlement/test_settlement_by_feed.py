"""An order that the feed covers is settled without a listing, and listed when the feed is silent about its end."""

import pytest

from buyer.settlement.worker import FEED_S
from shared.messages.base import fact_id
from tests.buyer.builders import a_signal
from tests.buyer.settlement.live_desk import CASH, LiveDesk
from tests.buyer.settlement.trade_feeds import Told


def test_an_order_that_the_feed_covers_is_settled_without_a_listing_once_the_chain_shows_it() -> None:
    desk = LiveDesk(feed=Told())
    desk.engine.process_actionable(a_signal())
    (name,) = desk.exchange.taken
    desk.exchange.trades[name] = "CONFIRMED"
    desk.exchange.hidden = True

    desk.feed.tell(name)
    desk.look()
    assert desk.states()[-1] == "MATCHED"

    desk.exchange.hidden = False
    desk.look()

    assert desk.states()[-1] == "CONFIRMED"
    assert (desk.exchange.listings, desk.at_rest()) == (0, True)


def test_what_the_feed_tells_before_the_order_is_handed_over_is_kept_for_it() -> None:
    desk = LiveDesk(feed=Told())
    name = f"0x{fact_id(fact_id('order', a_signal().id), a_signal().traded_at_ms)}"
    desk.feed.tell(name)
    desk.look()

    desk.engine.process_actionable(a_signal())
    desk.exchange.trades = dict.fromkeys(desk.exchange.trades, "CONFIRMED")
    desk.look()

    assert desk.states()[-1] == "CONFIRMED"
    assert desk.exchange.listings == 0


def test_an_order_whose_end_the_feed_never_told_is_listed_after_a_while() -> None:
    desk = LiveDesk(feed=Told())
    desk.engine.process_actionable(a_signal())

    desk.settle()
    assert desk.exchange.listings == 0
    desk.clock.advance(FEED_S)
    desk.look()

    assert desk.exchange.listings == 1
    assert desk.at_rest()


@pytest.mark.pitfall(20)
def test_a_failed_trade_that_the_feed_covers_is_read_by_listing() -> None:
    desk = LiveDesk(feed=Told())
    desk.engine.process_actionable(a_signal())

    desk.settle("FAILED")
    desk.clock.advance(FEED_S)
    desk.look()

    assert desk.states()[-1] == "FAILED"
    assert desk.money() == {"cash": CASH, "deposited": CASH}
