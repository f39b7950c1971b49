"""A real node's pool: its subscription is heard, its transactions proven, and its operators are those it says."""

import contextlib
import threading
from functools import partial
from typing import Any, cast

import fakeredis
import pytest

from detector.domain.source_port import Batch
from detector.leaders.watchlist import Watchlist
from detector.sources.pending.operator_registry import LOOK_EVERY_S, OperatorRegistry
from detector.sources.pending.parts import build_pending
from shared.clock import ManualClock, SystemClock
from shared.domain.errors import Unavailable
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.order_filled import read_logs
from shared.websocket import open_socket
from tests.detector.sources.pending.evm.conftest import TRADERS
from tests.detector.sources.pending.evm.signed_matches import our_order
from tests.detector.sources.pending.evm.venues import Venue
from tests.detector.sources.pending.match_builder import OPERATOR, Match
from tests.detector.sources.pending.random_matches import PlainOrder
from tests.redeemer.evm.anvil import AnvilNode
from tests.waiting import wait_until

pytestmark = pytest.mark.evm
SHARES, PRICE = 5_000_000, 400_000


def test_a_match_in_a_real_pool_is_handed_on_as_its_logs_then_stand(venue: Venue) -> None:
    rig, stop, handed = venue.rig, threading.Event(), list[Batch]()
    asked = AnvilNode(rig.node.port)  # a connection is one thread's
    source = build_pending(
        {"anvil": partial(open_socket, "anvil", rig.websocket_url)},
        Watchlist(each.address for each in TRADERS),
        [PolygonClient(cast("Any", asked))],
        fakeredis.FakeRedis(decode_responses=True),
        clock=SystemClock(),
        stop=stop,
        random=lambda: 0.5,
        max_age_ms=60_000,
    )
    listening = threading.Thread(target=_poll, args=(source, stop, handed.append))
    listening.start()
    try:
        with rig.held_back():
            wait_until(lambda: rig.poke() and source.is_listening, "the node shows what is pending")
            tx_hash = rig.send_match(_fresh(venue))
            wait_until(lambda: handed, "the match is seen before its block")
    finally:
        stop.set()
        listening.join(10)
        asked.close()

    ((view,),) = (batch.views for batch in handed)
    logs = read_logs([{**log, "blockTimestamp": "0x1"} for log in rig.receipt(tx_hash)["logs"]])
    assert [_plain(fill) for fill in view.fills] == [_plain(fill) for fill in logs.fills]


def test_who_became_an_operator_or_is_none_any_more_is_known_from_the_exchanges_own_events(venue: Venue) -> None:
    clock, stranger = ManualClock(0), "0x" + "5e" * 20
    registry = OperatorRegistry([PolygonClient(cast("Any", venue.rig.node))], clock)
    registry.look()

    def is_operator() -> bool:
        clock.advance(LOOK_EVERY_S + 1)
        registry.look()
        return registry.is_operator(venue.exchange, stranger)

    assert registry.is_operator(venue.exchange, OPERATOR)
    assert not is_operator()
    venue.rig.send(venue.exchange, "addOperator(address)", stranger)
    assert is_operator()
    venue.rig.send(venue.exchange, "removeOperator(address)", stranger)
    assert not is_operator()


def _poll(source: Any, stop: threading.Event, sink: Any) -> None:
    while not stop.is_set():
        with contextlib.suppress(Unavailable):
            source.poll("all", sink)


def _fresh(venue: Venue) -> Match:
    """Return a match of two of our orders, signed now."""
    cash, now_ms = SHARES * PRICE // 10**6, SystemClock().now_ms()
    taker, maker = PlainOrder(0, 0, False, cash, SHARES), PlainOrder(1, 0, True, SHARES, cash)  # noqa: FBT003 - a row
    orders = [our_order(venue, TRADERS[n], each, n, "GTC", now_ms) for n, each in ((0, taker), (3, maker))]
    made: Any = (orders[0], (orders[1],), cash, (SHARES,), 0, (0,))
    named: Any = {"exchange": venue.exchange, "condition": venue.condition, "received": SHARES}
    return Match(*made, **named)


def _plain(fill: Any) -> tuple[Any, ...]:
    return fill.leader, fill.tx_hash, fill.token_id, fill.side, fill.shares_micro, fill.usdc_micro, fill.role
