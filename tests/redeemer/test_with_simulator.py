"""Against the local venue: a market resolved there is paid out by the vector its chain holds."""

import threading
from collections.abc import Generator

import pytest

from redeemer.composition import build_inline, build_resolutions, build_watcher, build_worker
from redeemer.config import RedeemerSettings, parse_args
from shared.clock import SystemClock
from shared.domain.ledger_accounts import CASH
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import REDEMPTIONS, Event
from shared.messages.events import read_event
from shared.messages.redemptions import RedemptionResult
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from simulator.core.clock import ManualClock
from simulator.core.market import Market
from simulator.core.settings import Settings
from simulator.gateway.server import Simulator, serve
from tests.redeemer.builders import ANN, BOB, ONE, a_lot, hold
from tests.redeemer.redeemer_fixture import wait_for
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.simulator, pytest.mark.server]

CHAIN_S, EVERYWHERE_S = 5, 60


@pytest.fixture
def venue() -> Generator[Simulator]:
    with serve(Settings(fills_per_minute=0, resolve_after_s=1e9), ManualClock()) as simulator:
        yield simulator


@pytest.fixture
def settings(venue: Simulator, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> RedeemerSettings:
    monkeypatch.setenv("REDIS_URL", valkey_url)
    monkeypatch.setenv("RPC_URL", venue.urls["rpc_url"])
    monkeypatch.setenv("DATA_API_URL", venue.urls["data_api_url"])
    return parse_args(["--rpc-rate-per-s", "500", "--resolutions-rate-per-s", "100", "--http-timeout-s", "2"])


@pytest.fixture
def ledger(valkey_url: str) -> RedisLedger:
    return RedisLedger(connect_redis(valkey_url), "paper")


def hold_both(ledger: RedisLedger, market: Market) -> None:
    """Ann holds 10 of the first outcome for 4, Bob 7 of the second for 3."""
    for leader, place, shares, cost in ((ANN, 0, 10, 4), (BOB, 1, 7, 3)):
        lot = a_lot(
            leader=leader,
            token_id=market.tokens[place],
            outcome_index=place,
            condition_id=market.condition_id,
            title=market.question,
            shares=shares * ONE,
            cost=cost * ONE,
        )
        hold(ledger, lot, seed=f"{leader}{market.condition_id}")


def redeemed(settings: RedeemerSettings) -> list[RedemptionResult]:
    events = [read_event(entry.json) for entry in stream_tail(connect_redis(settings.redis_url), REDEMPTIONS, 100)]
    return [event for event in events if isinstance(event, RedemptionResult)]


@pytest.mark.parametrize(
    ("payouts", "words", "paid"),
    [
        pytest.param((1, 0), ("1", "0"), 10_000_000, id="the first outcome wins"),
        pytest.param((0, 1), ("0", "1"), 7_000_000, id="the second outcome wins"),
        pytest.param((1, 1), ("0.5", "0.5"), 8_500_000, id="void, half to both"),
        pytest.param((1, 3), ("0.25", "0.75"), 7_750_000, id="any vector"),
    ],
)
def test_a_resolved_market_is_paid_by_its_real_vector(
    venue: Simulator,
    settings: RedeemerSettings,
    ledger: RedisLedger,
    payouts: tuple[int, int],
    words: tuple[str, str],
    paid: int,
) -> None:
    hold_both(ledger, venue.markets[0])
    told: list[Event] = []
    redeemer = build_inline(settings, stop=threading.Event(), emit=told.append)
    assert redeemer.scan() == 0

    venue.resolve(venue.markets[0].condition_id, payouts)
    venue.advance(CHAIN_S)

    assert redeemer.scan() == 1
    event = redeemed(settings)[0]
    assert (event.payouts, event.paid, event.title) == (words, paid, venue.markets[0].question)
    assert told == [event]
    assert open_lots(ledger) == []
    assert ledger.read((CASH,)).values[CASH] == paid - 7 * ONE
    assert redeemer.scan() == 0


@pytest.mark.pitfall(27)
def test_neg_risk_markets_are_paid_each_by_its_own_condition(
    venue: Simulator, settings: RedeemerSettings, ledger: RedisLedger
) -> None:
    group = next(market.event.markets for market in venue.markets if market.neg_risk)
    for place, market in enumerate(group):
        hold_both(ledger, market)
        venue.resolve(market.condition_id, (1, 0) if place == 0 else (0, 1))
    venue.advance(CHAIN_S)

    assert build_inline(settings, stop=threading.Event(), emit=list[Event]().append).scan() == len(group)
    assert sorted(event.paid for event in redeemed(settings)) == sorted([10 * ONE] + [7 * ONE] * (len(group) - 1))


def test_while_the_node_fails_the_data_api_tells_the_same_vector_later(
    venue: Simulator, settings: RedeemerSettings, ledger: RedisLedger
) -> None:
    market = venue.markets[0]
    hold_both(ledger, market)
    venue.fault("http_5xx", "rpc", params={"status": 500})
    venue.resolve(market.condition_id, (1, 1))
    redeemer = build_inline(settings, stop=threading.Event(), emit=list[Event]().append)

    venue.advance(CHAIN_S)
    assert redeemer.scan() == 0
    venue.advance(EVERYWHERE_S)
    assert redeemer.scan() == 1

    assert redeemed(settings)[0].payouts == ("0.5", "0.5")
    assert redeemer.snapshot()["answered_by"] == {"chain": 0, "data_api": 2}


@pytest.mark.pitfall(11)
def test_a_node_that_lags_behind_delays_a_redemption_and_falsifies_none(
    venue: Simulator, settings: RedeemerSettings
) -> None:
    market = venue.markets[0]
    venue.fault("lagging_node", "rpc", params={"blocks": 5})
    venue.resolve(market.condition_id, (0, 1))
    venue.advance(CHAIN_S)
    asking = build_resolutions(settings, connect_redis(settings.redis_url), clock=SystemClock(), stop=threading.Event())

    vectors = [asking.read([market.condition_id]).resolved.get(market.condition_id) for _ in range(6)]

    assert {vector.numerators for vector in vectors if vector} <= {(0, 1)}


def test_watcher_queue_and_worker_redeem_what_resolves_while_they_run(
    venue: Simulator, settings: RedeemerSettings, ledger: RedisLedger
) -> None:
    hold_both(ledger, venue.markets[0])
    told: list[Event] = []
    stop = threading.Event()
    watcher = build_watcher(settings.model_copy(update={"scan_every_s": 0.05}), stop=stop)
    worker = build_worker(settings, stop=stop, emit=told.append)
    threads = [threading.Thread(target=service.run, args=(stop,)) for service in (watcher, worker)]
    for thread in threads:
        thread.start()

    try:
        venue.resolve(venue.markets[0].condition_id, (1, 0))
        venue.advance(CHAIN_S)
        wait_for(lambda: bool(told))
    finally:
        stop.set()
        for thread in threads:
            thread.join(PATIENCE_S)

    assert not any(thread.is_alive() for thread in threads)
    assert redeemed(settings) == told
    assert len(told) == 1  # a scan that began before the payout may enqueue once more: that job finds nothing to do
