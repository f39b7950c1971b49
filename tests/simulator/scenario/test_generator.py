"""The generated world: seeded, varied, and consistent across its sources."""

from functools import cache
from typing import Any

import pytest

from simulator import ManualClock, Settings, World
from simulator.scenario.generator import Generator

LIVELY = Settings(leaders=5, markets=12, fills_per_minute=240.0, resolve_after_s=120.0)
HASTY = Settings(leaders=3, markets=12, fills_per_minute=20.0, resolve_after_s=20.0)


def _lived(settings: Settings, minutes: int) -> World:
    clock = ManualClock()
    world = World(settings, clock)
    Generator(world).start()
    for _ in range(minutes):
        clock.advance(60)
        world.advance()
    return world


@cache
def _long_life() -> World:
    """Return a world that was lived once for all tests that only look at it."""
    return _lived(LIVELY, 4)


def _told(world: World, count: int | None = None) -> list[dict[str, object]]:
    return [fill.record() for fill in world.fills[:count]]


@pytest.mark.slow
def test_the_same_seed_lives_the_same_life() -> None:
    short = _lived(LIVELY, 1)
    other = _lived(Settings(leaders=5, markets=12, fills_per_minute=240.0, seed=8), 1)
    assert len(short.fills) > 200
    assert _told(short) == _told(_long_life(), len(short.fills))
    assert [fill.tx_hash for fill in short.fills] != [fill.tx_hash for fill in other.fills]


@pytest.mark.slow
def test_the_length_of_a_step_changes_nothing() -> None:
    clock = ManualClock()
    world = World(LIVELY, clock)
    Generator(world).start()
    clock.advance(120)
    world.advance()
    assert _told(world) == _told(_long_life(), len(world.fills))


def test_a_life_shows_what_a_detector_must_handle() -> None:
    world = _long_life()
    own = [fill for fill in world.fills if fill.tracked]
    by_tx: dict[str, list[Any]] = {}
    for fill in own:
        by_tx.setdefault(fill.tx_hash, []).append(fill)

    assert {fill.role for fill in own} == {"maker", "taker"}
    assert {fill.order.side for fill in own} == {"BUY", "SELL"}
    assert {fill.order.outcome for fill in own} == {0, 1}
    assert max(len(fills) for fills in by_tx.values()) >= 4
    assert any(len({fill.wallet for fill in fills}) == 2 for fills in by_tx.values())
    assert any(len({fill.token_id for fill in fills}) == 2 for fills in by_tx.values())
    assert any(fill.fee for fill in own)
    assert len({fill.wallet for fill in own}) == 5


def test_short_markets_end_and_are_followed_by_new_ones() -> None:
    world = _lived(HASTY, 4)
    ended = [market.resolution for market in world.catalog.markets if market.resolution]
    assert len(ended) >= 20
    assert {each.payouts for each in ended} == {(1, 0), (0, 1), (1, 1)}
    assert any(market.trading(world.now_ms()) for market in world.catalog.markets[-3:])


def test_a_world_whose_every_market_was_resolved_lives_on() -> None:
    """Nobody can buy, and the next short market is traded again: it stopped with an IndexError once."""
    clock = ManualClock()
    world = World(Settings(fills_per_minute=600.0, markets=4, resolve_after_s=3600.0, leaders=2), clock)
    Generator(world).start()
    for market in list(world.catalog.markets):
        world.resolve(market, (1, 0), world.now_ms())
    for _ in range(20):
        clock.advance(1)
        world.advance()
    assert not [market for market in world.catalog.markets if market.trading(world.now_ms())]
    before = len(world.fills)

    for _ in range(60):
        clock.advance(61)
        world.advance()

    assert len(world.fills) > before


def test_nobody_sells_what_they_do_not_hold() -> None:
    world = _long_life()
    for leader in world.leaders:
        balance: dict[str, int] = {}
        for fill in world.fills:
            if fill.wallet == leader.address and not fill.counterparty and fill.order.side == "SELL":
                assert balance.get(fill.token_id, 0) >= 0
            sign = 1 if fill.order.side == "BUY" else -1
            balance[fill.token_id] = balance.get(fill.token_id, 0) + sign * fill.order.shares


@pytest.mark.simulator
def test_the_feed_and_the_chain_tell_the_same_story(venue_of: Any) -> None:
    for venue in venue_of(fills_per_minute=240.0, markets=12):
        venue.sim.world.paused = False
        venue.sim.advance(60)
        venue.sim.world.paused = True
        venue.sim.advance(20)
        truth = venue.get("sim", "/fills", leader=venue.leader).json()["fills"]
        logs, rows = venue.logs(venue.leader), venue.rows(limit=1000, type="TRADE")

        keys = [(log["transactionHash"], int(log["logIndex"], 16)) for log in logs]
        assert sorted(keys) == sorted((fill["tx_hash"], fill["log_index"]) for fill in truth)
        shares = sorted((row["transaction_hash"], round(row["size"] * 1e6)) for row in rows)
        assert shares == sorted((fill["tx_hash"], fill["shares_micro"]) for fill in truth)
        times = {log["transactionHash"]: int(log["blockTimestamp"], 16) for log in logs}
        assert all(row["timestamp"] == times[row["transaction_hash"]] for row in rows)
