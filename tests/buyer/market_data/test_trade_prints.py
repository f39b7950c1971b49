"""Trades that the market channel tells: kept in memory, so that what others paid costs an order no request."""

from typing import Any

import pytest

from shared.clock import ManualClock
from shared.messages.decisions import OthersPaid
from shared.polymarket.wire.market_channel import TradePrinted, read_frame
from tests.amounts import D
from tests.buyer.builders import NOW_MS, TOKEN, a_signal
from tests.buyer.market_data.channel_fakes import a_frame, raw_book
from tests.buyer.market_data.test_price_feed import Cached, a_live_feed

TX = "0x" + "Ab" * 32


def raw_trade(**changes: Any) -> dict[str, Any]:
    """Build a trade as venue reference 4.1 has it."""
    return {
        "event_type": "last_trade_price",
        "asset_id": TOKEN,
        "price": "0.42",
        "size": "12.5",
        "side": "BUY",
        "fee_rate_bps": "0",
        "timestamp": str(NOW_MS),
        "transaction_hash": TX,
        **changes,
    }


def test_a_trade_is_read_with_its_transaction_in_our_form() -> None:
    assert read_frame(a_frame(raw_trade())) == [TradePrinted(TOKEN, NOW_MS, D("0.42"), D("12.5"), TX.lower())]


@pytest.mark.parametrize("broken", [{"price": "x"}, {"size": "0"}, {"asset_id": ""}, {"timestamp": None}])
def test_a_trade_that_cannot_be_read_is_none_and_casts_no_doubt_on_a_book(broken: dict[str, Any]) -> None:
    assert read_frame(a_frame(raw_trade(**broken))) == []


def test_what_others_paid_is_at_hand_and_asks_nobody() -> None:
    clock, rest = ManualClock(NOW_MS), Cached(NOW_MS)
    feed, live = a_live_feed(rest, clock)
    live.hear(read_frame(a_frame(raw_book(), raw_trade(), raw_trade(asset_id="another"))))

    others = feed.others_paid(a_signal())
    his_own = feed.others_paid(a_signal(leader="0x" + "c3" * 20, tx_hash=TX.lower()))

    assert others() == OthersPaid(price=D("0.42"), shares=D("12.5"), trades=1)
    assert his_own() is None
    assert rest.asked == 0


def test_a_time_ahead_of_ours_makes_a_trade_no_younger() -> None:
    clock = ManualClock(NOW_MS)
    feed, live = a_live_feed(Cached(NOW_MS), clock)
    live.hear(read_frame(a_frame(raw_trade(timestamp=str(NOW_MS + 3_600_000)))))

    clock.advance(901)

    assert feed.others_paid(a_signal())() is None
