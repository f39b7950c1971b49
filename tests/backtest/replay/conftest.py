"""A session with each kind of decision in it."""

import pytest

from tests.amounts import D
from tests.backtest.replay.sessions import Session, a_hash
from tests.buyer.builders import NOW_MS, a_book, a_market, a_signal


@pytest.fixture
def session() -> Session:
    session = Session()
    session.signal(a_signal(tx_hash=a_hash(1)))
    session.signal(a_signal(tx_hash=a_hash(2), leader="0x" + "b2" * 20))
    session.prices.next_book = a_book(asks=(("0.51", "3"), ("0.52", "2")), at_ms=NOW_MS + 500)
    session.signal(a_signal(tx_hash=a_hash(3)))
    session.prices.next_book = None
    session.signal(a_signal(tx_hash=a_hash(4)))
    session.poison('{"event":"ACTIONABLE_SIGNAL"}')
    session.prices.next_book = a_book(bids=(("0.6", "7"),), asks=(("0.61", "5"),), at_ms=NOW_MS + 1500)
    session.signal(a_signal(tx_hash=a_hash(5), side="SELL", usdc=D(60), price=D("0.6")))
    session.redeem(D("0.5"))
    session.prices.market = a_market(closed=True)
    session.signal(a_signal(tx_hash=a_hash(6)))
    session.prices.market, session.prices.next_book = a_market(), a_book(at_ms=NOW_MS + 2500)
    session.signal(a_signal(tx_hash=a_hash(7)))
    return session
