"""Whatever starts a thread ends it: each program in each mode starts, works, stops, and no thread is left over."""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from buyer import composition
from buyer.composition import BuyerProcess
from buyer.config import parse_args as buyer_args
from detector.__main__ import DetectorProcess
from detector.config import parse_args as detector_args
from ops import run_service
from ops.config import UpSettings
from ops.demo import demo
from ops.supervisor import up
from redeemer.__main__ import RedeemerProcess
from redeemer.config import parse_args as redeemer_args
from redeemer.worker import WorkerProcess
from shared.clock import SystemClock
from shared.config import parse
from shared.messages.base import SIGNALS
from shared.process import service_runner
from shared.process.service_life import Service
from shared.redis.client import connect_redis
from shared.redis.streams import publish_event
from simulator import Settings, serve
from simulator.gateway.server import Simulator
from tests.buyer.venue.polymarket.live_floor import CLOCK, KEY, OWNER, Floor, floor, until
from tests.buyer.venue.polymarket.live_process import live_buyer

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]

__all__ = ["floor"]

RUNS_S = "2.5"
LIVE = ("--live", "--no-dry-run")


@pytest.fixture
def venue(valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """Give a lively venue with a funded wallet, and the environment that leads to it."""
    with serve(Settings(fills_per_minute=60, speed=4, leaders=3, seed=7)) as sim:
        sim.call(lambda: sim._app.traders.fund(OWNER, "1000"))
        told = {
            "REDIS_URL": valkey_url,
            "RUN_DIR": str(tmp_path),
            "LOG_LEVEL": "warning",
            "RUNTIME_SECONDS": RUNS_S,
            "HEARTBEAT_S": "1",
            "PROGRESS_EVERY_S": "0.5",
            "SCAN_EVERY_S": "0.5",
            "TRACKED_WALLETS": ",".join(str(leader["address"]) for leader in leaders(sim)),
            "PRIVATE_KEY": KEY,
            "RELAYER_API_KEY": "key",
            "RELAYER_API_KEY_ADDRESS": OWNER,
            "DATA_API_URL": sim.urls["data_api_url"],
            "GAMMA_URL": sim.urls["gamma_url"],
            "ACCEPT_FORGETFUL_SERVER": "true",
            "CLOB_URL": sim.urls["clob_url"],
            "CLOB_MARKET_URL": sim.urls["clob_ws_url"],
            "CLOB_USER_URL": sim.urls["clob_user_ws_url"],
            "GEOBLOCK_URL": sim.urls["geoblock_url"],
            "RPC_URL": sim.urls["rpc_url"],
            "SUBGRAPH_URL": sim.urls["subgraph_url"],
            "RTDS_URL": sim.urls["rtds_url"],
        }
        for name, value in told.items():
            monkeypatch.setenv(name, value)
        yield sim


def leaders(sim: Simulator) -> list[dict[str, Any]]:
    return [{"address": leader.address} for leader in sim._app.world.leaders]


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """Fail on any thread that was not there before."""
    before = set(threading.enumerate())
    yield
    assert [thread.name for thread in threading.enumerate() if thread not in before] == []


def ran(service: Service, settings: Any) -> int:
    with connect_redis(settings.redis_url) as redis:
        return service_runner.run(service, settings, redis=redis, clock=SystemClock())


def signalled(sim: Simulator, url: str) -> None:
    """Put signals of two tokens on the stream, so that everything that works on signals begins to."""
    with connect_redis(url) as redis:
        for number, token_id in enumerate(sim.markets[0].tokens):
            publish_event(redis, SIGNALS, Floor(sim, url, Path()).signal(number, token_id))


BUYERS: dict[str, tuple[str, ...]] = {
    "paper": (),
    "paper that records books": ("--capture-books",),
    "paper in shards": ("--buyer-shards", "3"),
    "live": LIVE,
    "live in shards": (*LIVE, "--buyer-shards", "2"),
}


@pytest.mark.usefixtures("no_thread_left")
@pytest.mark.parametrize("words", BUYERS.values(), ids=BUYERS)
def test_the_buyer(words: tuple[str, ...], venue: Simulator, valkey_url: str) -> None:
    signalled(venue, valkey_url)
    settings = buyer_args(list(words))

    assert ran(BuyerProcess(settings), settings) == 0


@pytest.mark.usefixtures("no_thread_left", "venue")
@pytest.mark.parametrize("words", [(), LIVE], ids=["paper", "live"])
def test_the_buyer_at_a_pipe(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    monkeypatch.setattr(composition, "STDIN", reader)
    settings = buyer_args(["--stdin", *words])

    assert ran(BuyerProcess(settings), settings) == 0

    os.close(writer)
    os.close(reader)


@pytest.mark.usefixtures("no_thread_left", "venue")
@pytest.mark.parametrize("words", [(), ("--capture-raw",)], ids=["plain", "that records answers"])
def test_the_detector(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    settings = detector_args(list(words))

    assert ran(DetectorProcess(settings), settings) == 0
    assert "HYBRID_SUMMARY" in capsys.readouterr().out


@pytest.mark.usefixtures("no_thread_left", "venue")
@pytest.mark.parametrize("program", [RedeemerProcess, WorkerProcess])
@pytest.mark.parametrize("words", [(), LIVE], ids=["paper", "live"])
def test_the_redeemer_and_its_worker(program: Callable[[Any], Service], words: tuple[str, ...]) -> None:
    settings = redeemer_args(list(words))

    assert ran(program(settings), settings) == 0


@pytest.mark.usefixtures("no_thread_left", "venue")
@pytest.mark.parametrize("words", [(), LIVE], ids=["paper", "live"])
def test_the_one_process(words: tuple[str, ...]) -> None:
    assert run_service.main(list(words)) == 0


@pytest.mark.usefixtures("no_thread_left", "venue")
@pytest.mark.parametrize("server", ["its own server", "a server of one's own"])
def test_hybrid_up(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if server == "its own server":
        monkeypatch.delenv("REDIS_URL")

    assert up.main(parse(UpSettings, [], data_dir=tmp_path)) == 0


@pytest.mark.takes(11)
@pytest.mark.usefixtures("no_thread_left")
def test_the_demo(tmp_path: Path) -> None:
    """Its verdict after so short a time is not the point here."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        code = demo.main(seconds=3, speed=4, seed=7, screen=False, data_dir=tmp_path / "demo")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert code in {0, 1}


def test_a_live_buyer_with_orders_of_two_tokens_behind_it_ends_within_2_s_with_0(floor: Floor) -> None:
    floor.fund()
    first, second = (market.tokens[0] for market in floor.sim.markets[:2])
    floor.offer(second)
    with live_buyer(floor) as buyer:
        for number, token in enumerate((first, second)):
            publish_event(floor.redis, SIGNALS, floor.signal(number, token))
        until(lambda: floor.redis.xlen("hs:decisions") >= 4, 30)
        told_at = CLOCK.monotonic()

        code = buyer.stop()

    assert code == 0, buyer.said()
    assert CLOCK.monotonic() - told_at < 2
    assert "threads_left" not in buyer.said()
