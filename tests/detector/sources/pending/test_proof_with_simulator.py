"""`CONFIRM=proof`: what only a node's log shows is believed when its transaction proves it, and not otherwise."""

from typing import Any

import pytest

from shared.messages.signals import FillRetracted
from shared.redis.client import connect_redis
from simulator import Simulator, serve
from tests.detector.sources.pending.test_with_simulator import a_world, told, trade, until
from tests.detector.venue import detecting, settings, signals, wait_until

pytestmark = [pytest.mark.simulator, pytest.mark.server, pytest.mark.pitfall(48)]


def proving(sim: Simulator, url: str, **more: str) -> Any:
    return detecting(
        settings(sim, url, **{"sources": "chain_logs", "confirm": "proof", "confirm_within_s": "60", **more})
    )


def signed(sim: Simulator) -> None:
    """Let the operator sign what he sends, though nobody watches his transactions."""
    sim.call(lambda: setattr(sim.world.operator, "watchers", 1))


@pytest.mark.parametrize("leader", range(4))
def test_a_log_whose_transaction_proves_it_is_signalled_without_a_second_node(valkey_url: str, leader: int) -> None:
    redis = connect_redis(valkey_url)
    with serve(a_world()) as sim, proving(sim, valkey_url):
        signed(sim)
        (maker, taker) = trade(sim, leader)
        until(redis, 1)

    (signal,) = signals(redis)
    assert {seen.source for seen in signal.seen_by} == {"chain_logs", "proof"} or signal.seen_by[0].source == "proof"
    assert (signal.emitted_by, signal.shares, signal.usdc) == ("confirmed", taker.order.shares, taker.order.usdc)
    assert maker.tx_hash == signal.tx_hash
    assert told(redis, FillRetracted) == []


def test_a_log_that_nothing_proves_waits_and_is_told_as_unconfirmed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    with serve(a_world()) as sim, proving(sim, valkey_url, confirm_within_s="1"):
        sim.fault("forged_fill", "rpc", params={"wallet": sim.leaders[0].address, "token": sim.markets[0].tokens[0]})
        wait_until(lambda: len(signals(redis)) == 1, "it is told when its time is over")

    assert signals(redis)[0].emitted_by == "unconfirmed"
