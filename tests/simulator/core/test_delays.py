"""One fill, seen by each source when that source is due."""

import json
from typing import Any

import pytest

from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.simulator


def test_a_fill_reaches_the_chain_and_the_data_api_at_the_measured_delays(venue: Any) -> None:
    (maker, taker) = venue.fill()

    assert taker.wallet == venue.leader
    assert maker.role == "maker"
    assert venue.logs(venue.leader) == []
    assert venue.rows() == []

    venue.sim.advance((taker.chain_at_ms - taker.matched_at_ms) / 1000)
    assert [log["transactionHash"] for log in venue.logs(venue.leader)] == [taker.tx_hash]
    assert venue.rows() == []

    venue.sim.advance((taker.data_at_ms - taker.chain_at_ms) / 1000)
    assert [row["transaction_hash"] for row in venue.rows()] == [taker.tx_hash]


def test_delays_average_what_was_measured_live(venue: Any) -> None:
    fills = [venue.fill(at_ms=venue.sim.world.now_ms() + 137 * step)[-1] for step in range(400)]

    chain = [(fill.chain_at_ms - fill.matched_at_ms) / 1000 for fill in fills]
    data = [(fill.data_at_ms - fill.matched_at_ms) / 1000 for fill in fills]
    assert 2.0 < sum(chain) / len(chain) < 2.4
    assert max(chain) < 3.0
    assert 5.1 < sum(data) / len(data) < 5.7
    assert all(fill.data_at_ms >= fill.chain_at_ms for fill in fills)


def test_rtds_reports_taker_and_makers_two_seconds_after_the_match(venue: Any) -> None:
    with venue.rtds() as socket:
        _, taker = venue.fill()
        venue.sim.advance(2.0)
        frames = [json.loads(socket.recv(timeout=PATIENCE_S)) for _ in range(2)]

    assert {frame["payload"]["proxyWallet"] for frame in frames} >= {venue.leader}
    assert {frame["type"] for frame in frames} == {"trades"}
    block_time = venue.sim.world.chain.timestamp(taker.block)
    assert all(block_time - frame["payload"]["timestamp"] in {0, 1} for frame in frames)


def test_orders_matched_carries_the_taker_only(venue: Any) -> None:
    with venue.rtds("orders_matched") as socket:
        venue.fill(fills=3)
        venue.sim.advance(2.0)
        frame = json.loads(socket.recv(timeout=PATIENCE_S))
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.05)

    assert frame["payload"]["proxyWallet"] != venue.leader


def test_one_bad_topic_spoils_the_whole_subscription(venue: Any) -> None:
    wishes = [{"topic": "activity", "type": "trades"}, {"topic": "crypto_prices", "type": "*"}]
    with venue.socket("rtds_url", {"action": "subscribe", "subscriptions": wishes}) as socket:
        assert json.loads(socket.recv(timeout=PATIENCE_S))["statusCode"] == 400
        venue.fill()
        venue.sim.advance(2.0)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=0.05)


def test_speed_compresses_delays_but_timestamps_stay_on_the_wall_clock(venue_of: Any) -> None:
    for venue in venue_of(speed=10.0):
        _, taker = venue.fill()
        assert taker.data_at_ms - taker.matched_at_ms <= 800
        venue.sim.advance(1.0)
        (row,) = venue.rows()
        assert abs(row["timestamp"] - taker.matched_at_ms // 1000) <= 1
