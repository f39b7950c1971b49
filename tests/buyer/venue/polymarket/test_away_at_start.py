"""A venue that is away when a live buyer starts is waited for; what is held is sold meanwhile, nothing is bought."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from msgspec.structs import replace

from shared.domain import exit_codes
from shared.domain.errors import RefusedForSafety
from shared.domain.record_kinds import INTENTS
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SIGNALS
from shared.redis.streams import publish_event
from simulator import Settings, serve
from simulator.gateway.geoblock import Region
from tests.buyer.venue.polymarket.live_floor import CLOCK, Floor, until
from tests.buyer.venue.polymarket.live_process import live_buyer
from tests.buyer.venue.polymarket.test_barred import running

pytestmark = [pytest.mark.server, pytest.mark.simulator, pytest.mark.pitfall(35)]
AWAY: list[tuple[str, str, str | None, dict[str, Any]]] = [
    ("http_5xx", "clob", "/time", {"status": 503}),
    ("truncated", "clob", "/auth/ban-status", {}),
    ("http_429", "clob", "/balance-allowance", {"retry_after": 1}),
    ("truncated", "clob", "/data/trades", {}),
    ("http_5xx", "site", None, {"status": 500}),
    ("truncated", "site", None, {}),
    ("timeout", "site", None, {"seconds": 3600}),
    ("http_5xx", "rpc", None, {"status": 502}),
]


@pytest.fixture
def floor(valkey_url: str, tmp_path: Path) -> Iterator[Floor]:
    with serve(Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim:
        found = Floor(sim, valkey_url, tmp_path)
        found.fund()
        yield found


def pause(seconds: float) -> None:
    CLOCK.wait(threading.Event(), seconds)


def intents(floor: Floor) -> dict[str, str]:
    return RedisLedger(floor.redis, "live").records(INTENTS)


def bought(floor: Floor) -> int:
    return len(floor.sim._app.traders.orders(lambda form: form.side == "BUY"))


@pytest.mark.parametrize(("kind", "upstream", "route", "params"), AWAY)
def test_what_has_no_answer_is_waited_for_and_the_signal_that_came_meanwhile_is_followed(
    floor: Floor, kind: str, upstream: str, route: str | None, params: dict[str, Any]
) -> None:
    fault = floor.sim.fault(kind, upstream, route=route, params=params)

    with floor.buyer("--http-timeout-s", "1") as built:
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        pause(1.5)
        assert (built.active.ready(), bought(floor)) == (False, 0)
        floor.sim.heal(fault)
        until(lambda: bool(floor.lots()), 20)
        until(built.active.ready)

    assert bought(floor) == 1


@pytest.mark.parametrize(
    ("kind", "upstream", "route"),
    [("http_5xx", "site", None), ("http_429", "clob", "/balance-allowance"), ("truncated", "clob", "/data/trades")],
)
def test_what_is_held_is_sold_while_buys_wait(floor: Floor, kind: str, upstream: str, route: str | None) -> None:
    with floor.buyer():
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: bool(floor.lots()))
    fault = floor.sim.fault(kind, upstream, route=route, params={"retry_after": 1})

    other = floor.sim.markets[1].tokens[0]
    floor.offer(other)

    with floor.buyer() as built:
        publish_event(floor.redis, SIGNALS, floor.signal(2, other))
        publish_event(floor.redis, SIGNALS, replace(floor.signal(3), side="SELL"))
        until(lambda: "SELL" in [decision.verdict for decision in floor.told], 20)
        assert (built.active.ready(), bought(floor)) == (False, 1)
        floor.sim.heal(fault)
        until(lambda: bought(floor) == 2, 30)


@pytest.mark.pitfall(45)
def test_a_buy_whose_leader_sold_before_the_venue_was_back_is_not_followed(floor: Floor) -> None:
    fault = floor.sim.fault("http_5xx", "site")

    with floor.buyer("--max-signal-age-s", "4"):
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        publish_event(floor.redis, SIGNALS, replace(floor.signal(2), side="SELL"))
        until(lambda: bool(floor.told))
        floor.sim.heal(fault)
        until(lambda: len(floor.told) == 2, 20)

    assert sorted(decision.verdict for decision in floor.told) == ["SKIP", "SKIP"]
    assert bought(floor) == 0


def test_a_signal_too_old_by_the_time_the_venue_is_back_is_never_followed(floor: Floor) -> None:
    fault = floor.sim.fault("http_5xx", "site")

    with floor.buyer("--max-signal-age-s", "2"):
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: bool(floor.told))
        floor.sim.heal(fault)

    assert [decision.verdict for decision in floor.told] == ["SKIP"]
    assert bought(floor) == 0


def test_an_interrupted_buy_is_not_sent_again_while_buys_wait(floor: Floor) -> None:
    floor.sim.fault("lost_request", "clob", route="/order", count=1, params={"seconds": 0.2})
    with floor.buyer():
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        until(lambda: bool(intents(floor)))
    assert list(intents(floor)) == [floor.signal(1).id]
    floor.sim.fault("http_5xx", "site")

    with floor.buyer():
        pause(3)

    assert bought(floor) == 0


def test_a_no_that_comes_late_is_still_a_no(floor: Floor) -> None:
    fault = floor.sim.fault("http_5xx", "site")
    floor.sim._app.site.region = Region(blocked=True)

    with running(floor) as ended:
        publish_event(floor.redis, SIGNALS, floor.signal(1))
        pause(0.5)
        assert not ended.done()
        floor.sim.heal(fault)
        error = ended.exception(20)

    assert isinstance(error, RefusedForSafety)
    assert "not allowed from here" in str(error)
    assert exit_codes.exit_code(error) == exit_codes.REFUSED_FOR_SAFETY
    assert bought(floor) == 0


@pytest.mark.parametrize("kind", ["http_5xx", "html_403"])
def test_a_key_that_cannot_be_asked_for_is_waited_for(floor: Floor, kind: str) -> None:
    fault = floor.sim.fault(kind, "clob", route="/auth/")
    healed = threading.Timer(1.0, lambda: floor.sim.heal(fault))
    healed.start()

    with floor.buyer() as built:
        until(built.active.ready)
    healed.join()


@pytest.mark.parametrize(
    ("upstream", "route"), [("clob", "/time"), ("clob", "/auth/ban-status"), ("site", None), ("rpc", None)]
)
def test_a_page_of_a_cdn_is_waited_for(floor: Floor, upstream: str, route: str | None) -> None:
    fault = floor.sim.fault("html_403", upstream, route=route)

    with floor.buyer() as built:
        pause(1.5)
        assert not built.active.ready()
        floor.sim.heal(fault)
        until(built.active.ready, 20)


@pytest.mark.process
@pytest.mark.parametrize(("upstream", "says"), [("clob", "venue_waited_for"), ("site", "buys_wait")])
def test_a_start_that_waits_says_so_is_not_ready_and_stops_when_told(floor: Floor, upstream: str, says: str) -> None:
    floor.sim.fault("http_5xx", upstream, params={"status": 503})

    with live_buyer(floor, "--health-port", "0") as buyer:
        until(lambda: says in buyer.said(), 30)
        assert requests.get(f"http://{_health(buyer.said())}/readyz", timeout=5).status_code == 503
        assert requests.get(f"http://{_health(buyer.said())}/healthz", timeout=5).status_code == 200
        assert buyer.stop() == exit_codes.CLEAN, buyer.said()


def _health(said: str) -> str:
    line = next(line for line in said.splitlines() if "health_listening" in line)
    return f"127.0.0.1:{int(''.join(ch for ch in line.split('port')[1][:12] if ch.isdigit()))}"


def test_the_thread_that_waits_ends_with_the_process(floor: Floor) -> None:
    floor.sim.fault("http_5xx", "site")
    before = {thread.name for thread in threading.enumerate()}

    with floor.buyer() as built:
        assert "preflight" in {thread.name for thread in threading.enumerate()} - before
    built.mode.close()

    assert "preflight" not in {thread.name for thread in threading.enumerate()}
