"""Pending matches over real sockets: exact, proven, confirmed by their block, and taken back where none holds them."""

import re
from typing import Any

import pytest
from redis import Redis

from shared.messages.base import RAW, SIGNALS
from shared.messages.events import read_event
from shared.messages.service import RawSeen
from shared.messages.signals import FillConfirmed, FillRetracted
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from simulator import Settings, Simulator, serve
from tests.detector.test_with_simulator import complete, each_once
from tests.detector.venue import detecting, settings, signals, sums, truth, wait_until

pytestmark = [pytest.mark.simulator, pytest.mark.server]
SPEED = 4.0


def a_world(**changes: Any) -> Settings:
    quiet: dict[str, Any] = {"speed": SPEED, "fills_per_minute": 0, "leaders": 4, "limits": False, "pending_share": 1.0}
    return Settings(**{**quiet, **changes})


def watching(sim: Simulator, url: str, **more: str) -> Any:
    nodes = f"{sim.urls['pending_url']},{sim.urls['second_pending_url']}"
    return detecting(settings(sim, url, **{"sources": "chain_logs", "pending_urls": nodes, **more}))


def subscribed(sim: Simulator) -> None:
    wait_until(lambda: sim.call(lambda: sim.world.operator.watchers) == 2, "both nodes are subscribed")


def told(redis: Redis, kind: type) -> list[Any]:
    found = [read_event(fields["json"]) for _, fields in redis.xrange(SIGNALS)]  # type: ignore[union-attr]
    return [event for event in found if isinstance(event, kind)]


def trade(sim: Simulator, number: int = 0, **more: Any) -> Any:
    leader, market = sim.leaders[number % 4].address, sim.markets[number % len(sim.markets)]
    facts: dict[str, Any] = {"side": "BUY", "shares": "12.345678", "price": "0.37", **more}
    return sim.fill(leader=leader, token=market.tokens[number % 2], **facts)


def until(redis: Redis, signalled: int) -> None:
    wait_until(lambda: len(signals(redis)) >= signalled, f"{signalled} signals")


@pytest.mark.parametrize(
    "more",
    [{}, {"role": "maker"}, {"fills": 3}, {"mint": True}, {"mint": True, "role": "maker"}, {"side": "SELL"}],
    ids=["taker", "maker", "three orders", "mint", "minting maker", "sell"],
)
def test_each_wallet_type_is_signalled_exactly_before_its_block_and_confirmed_by_it(
    valkey_url: str, more: dict[str, Any]
) -> None:
    redis = connect_redis(valkey_url)
    with serve(a_world(chain_delay_s=6.0)) as sim, watching(sim, valkey_url):
        subscribed(sim)
        for number in range(4):
            trade(sim, number, **more)

        until(redis, 4)
        early = signals(redis)
        wait_until(lambda: len(told(redis, FillConfirmed)) == 4, "each is confirmed")

        assert complete(redis, sim)
    assert [signal.pending for signal in early] == [True] * 4
    assert {seen.source for signal in early for seen in signal.seen_by} == {"pending"}
    assert {each.signal_id for each in told(redis, FillConfirmed)} == {signal.id for signal in early}
    assert all(each.source == "chain_logs" and each.behind_first_ms > 0 for each in told(redis, FillConfirmed))
    assert told(redis, FillRetracted) == []
    assert {fill.role for signal in early for fill in signal.fills} == {
        "taker" if more.get("role") != "maker" and "fills" not in more else "maker"
    }


@pytest.mark.takes(10)
def test_every_fill_of_a_busy_venue_is_in_exactly_one_signal_whoever_was_first(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    sources = {"sources": "data_api,chain_logs,rtds"}
    with serve(a_world(fills_per_minute=400.0, pending_share=0.92)) as sim, watching(sim, valkey_url, **sources):
        subscribed(sim)
        wait_until(lambda: len(sim.world.fills) > 150, "a busy venue")
        sim.call(lambda: setattr(sim.world, "paused", True))
        wait_until(lambda: complete(redis, sim), "every fill is signalled")

    assert sums(signals(redis)) == truth(sim)
    assert each_once(redis)
    assert sum(bool(signal.pending) for signal in signals(redis)) > len(signals(redis)) / 2
    assert told(redis, FillRetracted) == []


def test_a_match_that_fails_in_its_block_is_taken_back(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    with serve(a_world()) as sim, watching(sim, valkey_url):
        subscribed(sim)
        sim.fault("pending_reverts", "pending", count=1)
        assert trade(sim) == []

        until(redis, 1)
        wait_until(lambda: len(told(redis, FillRetracted)) == 1, "it is taken back")

    (gone,) = told(redis, FillRetracted)
    assert (gone.signal_id, gone.reason) == (signals(redis)[0].id, "its transaction failed in its block")
    assert told(redis, FillConfirmed) == []


def test_a_match_that_is_sent_again_is_one_signal_that_its_block_confirms(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    with serve(a_world(block_s=0.5)) as sim, watching(sim, valkey_url, pending_blocks="5"):
        subscribed(sim)
        sim.fault("pending_replaced", "pending", count=1)
        trade(sim)

        wait_until(lambda: len(told(redis, FillConfirmed)) == 1, "its block confirms it")
        trade(sim, 1)
        until(redis, 2)
        (replaced,) = {each.hash for each in sim.call(sim.world.operator.taken_back)}

    (first, _), (confirmed, *_) = signals(redis), told(redis, FillConfirmed)
    assert (first.tx_hash, confirmed.signal_id) == (replaced, first.id)
    assert confirmed.replaced_by == sim.world.fills[0].tx_hash
    assert told(redis, FillRetracted) == []


def test_a_match_that_is_mined_late_is_confirmed_and_not_taken_back(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    with serve(a_world()) as sim, watching(sim, valkey_url):
        subscribed(sim)
        sim.fault("pending_late", "pending", count=1, params={"seconds": 30})
        trade(sim)

        until(redis, 1)
        wait_until(lambda: len(told(redis, FillConfirmed)) == 1, "it is confirmed")

    assert told(redis, FillRetracted) == []
    assert len(signals(redis)) == 1


@pytest.mark.pitfall(48)
@pytest.mark.parametrize("how", ["operator", "order", "amounts"])
@pytest.mark.parametrize("leader", range(4))
def test_what_a_lying_node_shows_is_no_signal(valkey_url: str, how: str, leader: int) -> None:
    redis = connect_redis(valkey_url)
    with serve(a_world()) as sim, watching(sim, valkey_url):
        subscribed(sim)
        forged = {"wallet": sim.leaders[leader].address, "token": sim.markets[0].tokens[0], "how": how}
        sim.fault("forged_pending", "pending", params=forged)

        trade(sim, (leader + 1) % 4)
        wait_until(lambda: len(told(redis, FillConfirmed)) == 1, "an honest match came through")

    assert [signal.leader for signal in signals(redis)] == [sim.leaders[(leader + 1) % 4].address]


def test_a_restart_between_sight_and_block_signals_once_and_confirms(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    with serve(a_world(chain_delay_s=20.0)) as sim:
        with watching(sim, valkey_url):
            subscribed(sim)
            trade(sim)
            until(redis, 1)
        with watching(sim, valkey_url):
            wait_until(lambda: len(told(redis, FillConfirmed)) == 1, "the next life saw its block")

    assert each_once(redis)
    assert len(signals(redis)) == 1


def test_a_capture_of_raw_answers_holds_what_the_nodes_showed(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    with serve(a_world()) as sim, watching(sim, valkey_url, capture_raw=""):
        subscribed(sim)
        trade(sim)
        until(redis, 1)
        (signal,) = signals(redis)
        wait_until(lambda: signal.tx_hash in {name for name, _ in raw_of_nodes(redis)}, "its transaction is recorded")

    assert {source for _, source in raw_of_nodes(redis)} <= {"pending node-1", "pending node-2"}


def raw_of_nodes(redis: Redis) -> set[tuple[str, str]]:
    """Return which transactions each node's records name."""
    found: set[tuple[str, str]] = set()
    for entry in stream_tail(redis, RAW, 1000):
        seen = read_event(entry.json)
        if isinstance(seen, RawSeen) and seen.source.startswith("pending"):
            found |= {(name, seen.source) for name in re.findall("0x[0-9a-f]{64}", seen.body)}
    return found
