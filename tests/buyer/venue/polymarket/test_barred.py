"""A venue that no longer takes anything from us: the live buyer stops, bought nothing, and says what to do."""

import threading
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from buyer.composition import build_buyer
from shared.domain import exit_codes
from shared.domain.errors import RefusedForSafety
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, SIGNALS
from shared.redis.streams import publish_event, stream_tail
from simulator import Settings, serve
from tests.buyer.venue.polymarket.live_floor import Floor, until
from tests.buyer.venue.polymarket.live_process import live_buyer
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.server, pytest.mark.simulator, pytest.mark.process]


@pytest.fixture
def floor(valkey_url: str, tmp_path: Path) -> Iterator[Floor]:
    with serve(Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim:
        found = Floor(sim, valkey_url, tmp_path)
        found.fund()
        yield found


def revoke(floor: Floor) -> None:
    """Forget every API key."""
    credentials = floor.sim._app._credentials
    floor.sim.call(credentials._by_key.clear)


def deciding(floor: Floor) -> bool:
    """Say whether the buyer decides, after its recovery: it is told of a trade of long ago."""
    publish_event(floor.redis, SIGNALS, replace(floor.signal(0), traded_at_ms=1))
    return bool(stream_tail(floor.redis, DECISIONS, 1))


@contextmanager
def running(floor: Floor) -> Generator["Future[None]"]:
    """Run a buyer on a thread while the block runs; the future holds how it ended."""
    stop = threading.Event()
    built = build_buyer(floor.settings(), stop=stop, emit=floor.told.append)
    with ThreadPoolExecutor(1) as pool:
        try:
            yield pool.submit(built.service.run, stop)
        finally:
            stop.set()
            built.mode.close()


def orders(floor: Floor) -> int:
    return len(floor.sim._app.traders.orders(lambda _: True))


def test_an_api_key_revoked_mid_run_stops_the_buyer_and_the_next_start_goes_on(floor: Floor) -> None:
    with live_buyer(floor) as buyer:
        until(lambda: deciding(floor))
        revoke(floor)
        publish_event(floor.redis, SIGNALS, floor.signal(1))

        assert buyer.end() == exit_codes.REFUSED_FOR_SAFETY
    assert "no longer takes our API key (401: Unauthorized/Invalid api key" in buyer.said()
    assert "Start again: without API_KEY a key is made" in buyer.said()
    assert (orders(floor), floor.lots()) == (0, [])

    with live_buyer(floor) as buyer:
        publish_event(floor.redis, SIGNALS, floor.signal(2))
        until(lambda: bool(floor.lots()), 60)
        assert buyer.stop() == 0, buyer.said()


def test_a_region_refused_mid_run_stops_the_buyer(floor: Floor) -> None:
    with running(floor) as ended:
        floor.sim.fault("html_403", "clob", route="/order")
        publish_event(floor.redis, SIGNALS, floor.signal(1))

        with pytest.raises(RefusedForSafety, match="GEOBLOCK_URL"):
            ended.result(PATIENCE_S)
    assert (orders(floor), floor.lots()) == (0, [])


def test_an_api_key_revoked_while_an_order_settles_stops_the_buyer_and_forgets_nothing(floor: Floor) -> None:
    ledger = RedisLedger(floor.redis, "live")
    floor.sim.fault("settlement_retry", "clob", params={"seconds": 36_000})
    with running(floor) as ended:
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: bool(ledger.records("orders")))
        revoke(floor)
        floor.sim.fault("close_socket", "user")  # what no feed covers is asked for

        with pytest.raises(RefusedForSafety, match="no longer takes our API key"):
            ended.result(PATIENCE_S)
    assert len(ledger.records("orders")) == 1
