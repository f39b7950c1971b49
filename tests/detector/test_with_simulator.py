"""The detector against the local venue over sockets: every fill in exactly one signal, to the micro-unit."""

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Literal

import pytest
from redis import Redis

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import SystemClock
from shared.redis.client import connect_redis
from simulator import Settings, Simulator, serve
from tests.conftest import ROOT
from tests.detector.venue import detecting, flags, settings, signals, sums, sums_of_rows, trades_in, truth, wait_until
from tests.running.warm_process import WarmProcess
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.simulator, pytest.mark.server]

ALL_SOURCES = {"sources": "data_api,chain_logs,subgraph", "chain_v1": ""}


def a_replay(path: Path, speed: float, era: Literal["v1", "v2"] = "v2") -> Settings:
    return Settings(activity=(path,), leaders=0, markets=0, speed=speed, era=era, limits=False)


def a_life(**changes: object) -> Settings:
    values: dict[str, object] = {"speed": 20.0, "fills_per_minute": 240.0, "limits": False, **changes}
    return Settings(**values)  # type: ignore[arg-type]  # any of its fields


def complete(redis: Redis, sim: Simulator) -> bool:
    return sums(signals(redis)) == truth(sim)


def freeze(sim: Simulator) -> None:
    """Let nobody trade any more."""
    sim.call(lambda: setattr(sim.world, "paused", True))


def each_once(redis: Redis) -> bool:
    return max(Counter(signal.id for signal in signals(redis)).values()) == 1


@pytest.mark.takes(10)
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "speed", "sources"),
    [
        ("leader_bot_500", 20_000.0, "default"),
        ("busy_leader_3500", 400.0, "v1"),
        ("leader_bot_500", 20_000.0, "all three"),
    ],
)
def test_every_real_trade_is_in_exactly_one_signal(
    real_data: Path, valkey_url: str, name: str, speed: float, sources: str
) -> None:
    path = real_data / "activity_v1" / f"{name}.json"
    trades, redis = trades_in(path), connect_redis(valkey_url)
    more = {"default": {}, "v1": {"data_api_version": "v1"}, "all three": ALL_SOURCES}[sources]

    with (
        serve(a_replay(path, speed, era="v1" if sources == "all three" else "v2")) as sim,
        detecting(settings(sim, valkey_url, **more)),
    ):
        wait_until(lambda: sums(signals(redis)).fills >= len(trades), "every trade is signalled")

    found = signals(redis)
    assert sums(found) == sums_of_rows(trades)
    assert {signal.tx_hash for signal in found} == {row["transactionHash"] for row in trades}
    assert each_once(redis)


@pytest.mark.takes(10)
@pytest.mark.real_data
@pytest.mark.process
def test_every_real_trade_is_in_exactly_one_signal_when_the_detector_is_killed_five_times(
    real_data: Path, valkey_url: str
) -> None:
    path = real_data / "activity_v1" / "busy_leader_3500.json"
    trades, redis = trades_in(path), connect_redis(valkey_url)
    clock, never = SystemClock(), threading.Event()

    with serve(a_replay(path, speed=250.0, era="v1")) as sim:
        words = ["detector", *flags(sim, valkey_url, **ALL_SOURCES)]
        grown = 0
        for _ in range(5):
            process = start(words)
            wait_until(lambda before=grown: len(signals(redis)) > before, "a killed detector goes on")
            clock.wait(never, 0.1)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(PATIENCE_S)
            grown = len(signals(redis))
        process = start(words)
        wait_until(lambda: sums(signals(redis)).fills >= len(trades), "every trade is signalled")
        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE_S) == 0
    assert sums(signals(redis)) == sums_of_rows(trades)
    assert each_once(redis)


def start(words: list[str]) -> WarmProcess:
    return WarmProcess(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.pitfall(4)
@pytest.mark.real_data
@pytest.mark.parametrize(
    ("version", "kind"), [("v2", "repeat_cursor"), ("v2", "missing_cursor"), ("v1", "duplicate_border")]
)
def test_a_burst_of_many_pages_with_broken_borders_is_read_whole(
    real_data: Path, valkey_url: str, version: str, kind: str
) -> None:
    path = real_data / "activity_v1" / "busy_leader_3500.json"
    trades, redis = trades_in(path), connect_redis(valkey_url)

    with serve(a_replay(path, speed=400.0)) as sim:
        wait_until(lambda: truth(sim).fills == len(trades), "the venue has seen everything")
        sim.fault(kind, upstream="data", probability=0.7)
        with detecting(settings(sim, valkey_url, sources="data_api", data_api_version=version)):
            wait_until(lambda: sums(signals(redis)).fills >= len(trades), "every trade is signalled")

    assert sums(signals(redis)) == sums_of_rows(trades)
    assert each_once(redis)


@pytest.mark.pitfall(13)
def test_upstreams_in_trouble_lose_nothing(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life()) as sim, detecting(settings(sim, valkey_url)):
        wait_until(lambda: truth(sim).fills > 20, "leaders trade")
        for kind in ("http_429", "http_5xx", "html_403", "truncated", "slow"):
            sim.fault(kind, probability=0.15, params={"seconds": 0.3, "retry_after": 0.2})
        wait_until(lambda: truth(sim).fills > 150, "leaders trade on")
        sim.heal()
        freeze(sim)
        wait_until(lambda: complete(redis, sim), "every fill is signalled")

    assert each_once(redis)


@pytest.mark.pitfall(2)
@pytest.mark.pitfall(8)
@pytest.mark.pitfall(12)
@pytest.mark.pitfall(13)
@pytest.mark.parametrize("version", ["v2", "v1"])
def test_a_lying_data_api_alone_loses_nothing(valkey_url: str, version: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life()) as sim:
        sim.fault("late_index", upstream="data", params={"seconds": 0.5}, probability=0.5)
        sim.fault("malformed_rows", upstream="data", params={"how": "size_0"}, probability=0.4)
        sim.fault("malformed_rows", upstream="data", params={"how": "missing"}, probability=0.2)
        sim.fault("unknown_type", upstream="data", probability=0.4)
        sim.fault("stale_cdn", upstream="data", params={"seconds": 1}, probability=0.3)
        with detecting(settings(sim, valkey_url, sources="data_api", data_api_version=version)):
            wait_until(lambda: truth(sim).fills > 120, "leaders trade")
            freeze(sim)
            sim.heal()
            wait_until(lambda: complete(redis, sim), "every fill is signalled")

    assert each_once(redis)


@pytest.mark.pitfall(11)
def test_a_node_in_trouble_alone_loses_nothing(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life()) as sim:
        sim.fault("lagging_node", upstream="rpc", params={"blocks": 5})
        sim.fault("range_limit", upstream="rpc", params={"blocks": 30})
        with detecting(settings(sim, valkey_url, sources="chain_logs")):
            wait_until(lambda: truth(sim).fills > 120, "leaders trade")
            freeze(sim)
            wait_until(lambda: complete(redis, sim), "every fill is signalled")

    assert each_once(redis)


@pytest.mark.pitfall(11)
def test_a_reorganisation_that_puts_fills_elsewhere_doubles_none(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life()) as sim, detecting(settings(sim, valkey_url)):
        for goal in (40, 80, 120):
            wait_until(lambda wanted=goal: truth(sim).fills > wanted, "leaders trade")
            sim.fault("reorg", params={"blocks": 4, "reinclude": True})
        freeze(sim)
        wait_until(lambda: complete(redis, sim), "every fill is signalled")

    assert each_once(redis)


@pytest.mark.pitfall(9)
def test_the_subgraph_that_sees_nothing_since_v2_is_told_and_hides_nothing(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(a_life()) as sim, detecting(settings(sim, valkey_url, **ALL_SOURCES)) as detector:
        wait_until(lambda: truth(sim).fills > 60, "leaders trade")
        freeze(sim)
        wait_until(lambda: complete(redis, sim), "every fill is signalled")
        wait_until(lambda: detector.snapshot()["sources"]["subgraph"]["state"] != "ok", "the comparison")
        subgraph = detector.snapshot()["sources"]["subgraph"]

    assert (subgraph["state"], subgraph["rows"]) == ("blind", 0)
    assert "none of the fills" in subgraph["last_error"]


@pytest.mark.pitfall(31)
@pytest.mark.process
def test_a_server_that_is_killed_twice_and_comes_back_loses_and_doubles_nothing(
    redis_server: EmbeddedRedis,
) -> None:
    redis = connect_redis(redis_server.url)

    with serve(a_life()) as sim, detecting(settings(sim, redis_server.url)) as detector:
        for goal in (30, 90):
            wait_until(lambda wanted=goal: truth(sim).fills > wanted, "leaders trade")
            redis_server.kill()
            wait_until(lambda wanted=goal + 20: truth(sim).fills > wanted, "leaders trade on")
            redis_server.restart()
        freeze(sim)
        wait_until(lambda: complete(redis, sim), "every fill is signalled")
        wait_until(detector.ready, "the detector is ready again")

    assert each_once(redis)


@pytest.mark.process
@pytest.mark.pitfall(55)
def test_s8_a_reader_of_the_pipe_that_goes_away_neither_ends_the_detector_nor_keeps_it_from_publishing(
    valkey_url: str,
) -> None:
    with serve(a_life()) as sim:
        command = [sys.executable, "-m", "detector", *flags(sim, valkey_url)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert b"ACTIONABLE_SIGNAL" in process.stdout.readline()

        process.stdout.close()
        process.stdout = None
        redis = connect_redis(valkey_url)
        known = redis.xlen("hs:signals")
        wait_until(lambda: redis.xlen("hs:signals") > known + 3, "signals go on")
        process.terminate()
        _, said = process.communicate(timeout=PATIENCE_S)

    assert process.returncode == 0, said
    assert b"Traceback" not in said
    assert said.count(b"stdout_closed") == 1
