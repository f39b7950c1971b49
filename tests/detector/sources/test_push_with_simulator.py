"""The push feed over real sockets: alone, beside the others, and in every trouble it is known for."""

import threading
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from detector.service import HybridDetector
from shared.clock import SystemClock
from shared.messages.base import SIGNALS
from shared.messages.events import read_event
from shared.messages.signals import FillRetracted
from shared.redis.client import connect_redis
from simulator import ManualClock, Simulator, serve
from tests.detector.test_with_simulator import ALL_SOURCES, a_life, a_replay, complete, each_once, freeze
from tests.detector.venue import Sums, detecting, settings, signals, sums, sums_of_rows, trades_in, truth, wait_until

pytestmark = [pytest.mark.simulator, pytest.mark.server]

PUSH = {"sources": "rtds"}
ALL_FOUR = {**ALL_SOURCES, "sources": "data_api,chain_logs,rtds,subgraph"}
OFTEN = {"http_timeout_s": "2", "confirm_within_s": "2"}
"""A venue whose time runs twenty times as fast has shown all it will show long before."""
NEVER = threading.Event()


def subscribed(sim: Simulator) -> int:
    """Count the sockets that will be told."""
    return sim.call(lambda: sum(bool(wanted) for wanted in sim._app.rtds._wanted.values()))


def told(detector: HybridDetector, what: str) -> str:
    """Return what the push source says of itself."""
    return str(detector.snapshot()["sources"]["rtds"][what])


def retracted(redis: Redis) -> list[FillRetracted]:
    entries = cast("list[tuple[str, dict[str, str]]]", redis.xrange(SIGNALS))
    events = [read_event(fields["json"]) for _, fields in entries if fields["event"] == "FILL_RETRACTED"]
    return [event for event in events if isinstance(event, FillRetracted)]


def told_once(sim: Simulator, since_ms: int) -> Sums:
    """Add up what was pushed since then as push can count it: equal fills of one transaction are one."""
    fills = [fill for fill in sim.world.fills if fill.tracked and fill.rtds_at_ms > since_ms]
    rows = {(fill.wallet, fill.tx_hash, fill.token_id, fill.order.shares, fill.order.usdc) for fill in fills}
    return Sums(len(rows), sum(row[3] for row in rows), sum(row[4] for row in rows))


def push_twice(sim: Simulator) -> None:
    """Let the feed send every message twice on every connection."""
    sim.call(lambda: sim.world.listen(sim._app.rtds.tell))


def trade_equally(sim: Simulator, numbers: range) -> None:
    """Let leaders make transactions of one to four fills: equal ones, and one that differs from them."""
    control = sim._app.control
    for number in numbers:
        leader, market = sim.leaders[number % len(sim.leaders)].address, sim.markets[number % len(sim.markets)]
        deal: dict[str, Any] = {"leader": leader, "token": market.tokens[0], "side": "BUY", "price": "0.4"}

        def trade(number: int = number, deal: dict[str, Any] = deal) -> None:
            """Let both be of one moment, as what is of one transaction is."""
            at_ms = sim.world.now_ms()
            first = control.fill(**deal, shares="10", fills=1 + number % 3, role="maker", at_ms=at_ms)
            other = f"{number + 1}.000001"
            control.fill(**deal, shares=other, role="maker", tx_hash=first[0].tx_hash, at_ms=at_ms)

        sim.call(trade)


def live(sim: Simulator, seconds: float) -> None:
    """Let a venue on a manual clock live at the pace of the real one."""
    clock = SystemClock()
    began = last = clock.monotonic()
    while last - began < seconds:
        clock.wait(NEVER, 0.01)
        now = clock.monotonic()
        sim.advance(now - last)
        last = now


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "speed", "sources"),
    [("busy_leader_3500", 400.0, "all four"), ("leader_bot_500", 20_000.0, "push alone")],
)
def test_every_real_trade_is_in_exactly_one_signal(
    real_data: Path, valkey_url: str, name: str, speed: float, sources: str
) -> None:
    """Push alone has no past: the venue stands still until it is subscribed, and what was told before is not its."""
    path = real_data / "activity_v1" / f"{name}.json"
    trades, redis = trades_in(path), connect_redis(valkey_url)
    more = PUSH if sources == "push alone" else ALL_FOUR
    replay = a_replay(path, speed, era="v2" if sources == "push alone" else "v1")

    with serve(replay, ManualClock(SystemClock().now_ms())) as sim, detecting(settings(sim, valkey_url, **more)):
        wait_until(lambda: subscribed(sim) == 2, "both sockets are subscribed")
        from_ms = sim.world.now_ms()
        while truth(sim).fills < len(trades):
            live(sim, 0.2)
        live(sim, 1)
        wanted = told_once(sim, from_ms) if sources == "push alone" else sums_of_rows(trades)
        wait_until(lambda: sums(signals(redis)).fills >= wanted.fills, "all is signalled")

    assert sums(signals(redis)) == wanted
    assert each_once(redis)


@pytest.mark.pitfall(7)
def test_equal_fills_and_messages_sent_twice_are_counted_exactly_by_all_default_sources(
    valkey_url: str,
) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life(fills_per_minute=0.0)) as sim, detecting(settings(sim, valkey_url)) as detector:
        wait_until(lambda: subscribed(sim) == 2, "both sockets are subscribed")
        push_twice(sim)
        trade_equally(sim, range(30))
        wait_until(lambda: sums(signals(redis)).fills >= truth(sim).fills, "every fill is signalled")
        wait_until(lambda: detector.snapshot()["sources"]["data_api"]["rows"] > 0, "the slowest source saw them too")
        SystemClock().wait(NEVER, 0.5)

    assert sums(signals(redis)) == truth(sim)
    assert each_once(redis)
    assert any(signal.part for signal in signals(redis)), "no second equal fill had to be supplemented"


@pytest.mark.pitfall(7)
def test_push_alone_counts_equal_fills_once_which_is_its_known_limit_and_never_one_twice(
    valkey_url: str,
) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life(fills_per_minute=0.0)) as sim, detecting(settings(sim, valkey_url, **PUSH)):
        wait_until(lambda: subscribed(sim) == 2, "both sockets are subscribed")
        push_twice(sim)
        trade_equally(sim, range(30))
        wanted = told_once(sim, 0)
        wait_until(lambda: sums(signals(redis)).fills >= wanted.fills, "every distinct fill is signalled")
        SystemClock().wait(NEVER, 0.5)

    assert sums(signals(redis)) == wanted
    assert wanted.fills < truth(sim).fills
    assert each_once(redis)


@pytest.mark.takes(14)
@pytest.mark.pitfall(10)
@pytest.mark.parametrize(
    ("kind", "seconds", "mute_s"), [("mute_socket", 0, "1.5"), ("late_socket", 2, "8"), ("close_socket", 0, "8")]
)
def test_push_in_trouble_is_left_and_named_and_never_stops_the_others(
    valkey_url: str, kind: str, seconds: float, mute_s: str
) -> None:
    redis = connect_redis(valkey_url)
    hasty = {"rtds_mute_s": mute_s, "rtds_late_s": "1"}

    with serve(a_life()) as sim, detecting(settings(sim, valkey_url, **hasty)) as detector:
        wait_until(lambda: truth(sim).fills > 20 and subscribed(sim) == 2, "leaders trade, push is open")
        first = set(sim._app.rtds.connections)
        sim.fault(kind, upstream="rtds", params={"seconds": seconds})
        if kind != "close_socket":
            wait_until(lambda: kind.partition("_")[0] in told(detector, "last_error"), "push is said to be in trouble")
        wait_until(lambda: not first & set(sim._app.rtds.connections), "the connections are left")
        sim.heal()
        wait_until(lambda: subscribed(sim) == 2, "push is open again")
        freeze(sim)
        wait_until(lambda: complete(redis, sim), "every fill is signalled")

    assert each_once(redis)


def gone(sim: Simulator, connection: object) -> bool:
    """Say so however soon another takes its place."""
    return connection not in sim._app.rtds.connections


@pytest.mark.takes(18)
def test_sockets_that_are_cut_again_and_again_double_nothing_and_the_standby_misses_nothing(valkey_url: str) -> None:
    """One socket is cut at a time, as the real feed does: what the other tells is enough."""
    redis = connect_redis(valkey_url)

    with serve(a_life()) as sim, detecting(settings(sim, valkey_url, **PUSH)) as detector:
        wait_until(lambda: subscribed(sim) == 2, "both sockets are subscribed")
        from_ms = sim.world.now_ms()
        for _ in range(6):
            wait_until(lambda: subscribed(sim) == 2, "both sockets are subscribed again")
            SystemClock().wait(NEVER, 0.3)
            cut = next(iter(sim._app.rtds.connections))
            sim.call(partial(cut.close, 1013))
            wait_until(partial(gone, sim, cut), "one is cut")
        freeze(sim)
        wait_until(lambda: sums(signals(redis)).fills >= told_once(sim, from_ms).fills, "nothing is missed")

        assert told(detector, "state") == "ok"
        assert told_once(sim, from_ms).fills > 10
    assert each_once(redis)


@pytest.mark.parametrize("upstream", ["rtds", "data", "rpc", "subgraph"])
def test_each_source_failing_alone_never_stops_the_others(valkey_url: str, upstream: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life()) as sim, detecting(settings(sim, valkey_url, **ALL_FOUR, **OFTEN)):
        sim.fault("close_socket" if upstream == "rtds" else "http_5xx", upstream=upstream)
        wait_until(lambda: truth(sim).fills > 60, "leaders trade")
        freeze(sim)
        wait_until(lambda: complete(redis, sim), "every fill is signalled")

    assert each_once(redis)


@pytest.mark.pitfall(11)
def test_a_fill_that_a_reorganisation_removed_is_retracted_once(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life(fills_per_minute=0.0, speed=5.0)) as sim, detecting(settings(sim, valkey_url)):
        wait_until(lambda: subscribed(sim) == 2, "both sockets are subscribed")
        leader, token = sim.leaders[0].address, sim.markets[0].tokens[0]
        sim.fill(leader=leader, token=token, side="BUY", shares="10", price="0.4", fills=2)
        wait_until(lambda: any(s.seen_by for s in signals(redis)), "the fill is signalled")
        wait_until(lambda: sim.call(lambda: sim.world.fills[0].chain_at_ms < sim.world.now_ms()), "it is mined")
        SystemClock().wait(NEVER, 0.5)
        sim.fault("reorg", params={"blocks": 4})
        wait_until(lambda: bool(retracted(redis)), "it is retracted")
        SystemClock().wait(NEVER, 1)

    found = retracted(redis)
    assert sorted(event.signal_id for event in found) == sorted(signal.id for signal in signals(redis))
    assert {event.source for event in found} == {"chain_logs"}
    assert "did not come back" in found[0].reason


@pytest.mark.pitfall(11)
def test_a_fill_that_is_mined_again_elsewhere_is_neither_doubled_nor_retracted(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life()) as sim, detecting(settings(sim, valkey_url)):
        for goal in (20, 40, 60):
            wait_until(lambda wanted=goal: truth(sim).fills > wanted, "leaders trade")
            sim.fault("reorg", params={"blocks": 4, "reinclude": True})
        freeze(sim)
        wait_until(lambda: complete(redis, sim), "every fill is signalled")
        SystemClock().wait(NEVER, 1.5)

    assert each_once(redis)
    assert retracted(redis) == []


def test_a_stop_ends_the_push_source_long_before_its_next_ping(valkey_url: str) -> None:
    with serve(a_life()) as sim, detecting(settings(sim, valkey_url, **PUSH)) as detector:
        wait_until(lambda: subscribed(sim) == 2, "both sockets are subscribed")

        detector.stop_event.set()

        wait_until(lambda: not [t for t in threading.enumerate() if t.name.startswith("rtds")], "all threads ended")
