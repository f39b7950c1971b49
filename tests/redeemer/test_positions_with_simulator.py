"""Positions of Protocol V2 against the local venue: approved, redeemed through the Router, proved, booked once."""

import threading

import pytest
import requests

from redeemer.composition import build_inline
from redeemer.config import RedeemerSettings
from shared.domain.ledger_accounts import CASH
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import Event
from shared.messages.redemptions import RedemptionResult
from shared.redis.client import connect_redis
from simulator.core.market import Market
from simulator.gateway.server import Simulator
from tests.redeemer.builders import ONE, hold
from tests.redeemer.live_venue import CHAIN_S, DATA_S, OWNER, Waiting, approve, bought, published
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.simulator, pytest.mark.server, pytest.mark.evm]


class KilledError(BaseException):
    """Nothing in the redeemer sees it coming."""


class Doomed(Waiting):
    """Ends whoever waits for a block; a slot of the node's gate is waited for shorter."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        if seconds >= 1:
            raise KilledError
        return super().wait(event, seconds)


def positions_market(venue: Simulator) -> Market:
    made = requests.post(f"{venue.urls['control_url']}/positions-market", json={}, timeout=PATIENCE_S).json()
    return venue.call(lambda: venue.world.catalog.by_condition[made["condition_id"]])


def results(url: str) -> list[RedemptionResult]:
    return [event for event in published(url) if isinstance(event, RedemptionResult)]


@pytest.mark.pitfall(27)
@pytest.mark.parametrize(
    ("payouts", "paid"),
    [
        pytest.param((1, 0), [10 * ONE], id="the first outcome won"),
        pytest.param((0, 1), [4 * ONE], id="the second outcome won"),
        pytest.param((1, 3), [2_500_000, 3 * ONE], id="both are paid, each by a transaction of its own"),
    ],
)
def test_a_resolved_position_is_redeemed_through_the_router_and_booked_once(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str, payouts: tuple[int, int], paid: list[int]
) -> None:
    market = positions_market(venue)
    bought(venue, valkey_url, market, "10", "4")
    watcher = build_inline(settings, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append)
    assert watcher.scan() == 0  # the PositionManager refuses to say what an open market pays
    approve(valkey_url, venue)
    venue.resolve(market.condition_id, payouts)
    venue.advance(CHAIN_S)

    for _ in range(4):
        watcher.scan()

    told = results(valkey_url)
    assert [(event.paid, event.token, event.outside) for event in told] == [(each, "pUSD", 0) for each in paid]
    assert len({event.transaction for event in told}) == len(paid)
    ledger = RedisLedger(connect_redis(valkey_url), "live")
    assert open_lots(ledger) == []
    assert ledger.read((CASH,)).values[CASH] == sum(paid) - 2 * ONE
    won = [place for place, part in enumerate(payouts) if part]
    assert [venue.call(lambda at=at: venue.world.held.shares(OWNER, market.tokens[at])) for at in won] == [0] * len(won)


def test_without_the_router_s_approval_nothing_is_sent_and_the_money_waits(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str
) -> None:
    market = positions_market(venue)
    bought(venue, valkey_url, market, "10")
    venue.resolve(market.condition_id, (1, 0))
    venue.advance(CHAIN_S)
    watcher = build_inline(settings, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append)

    assert watcher.scan() == 0
    assert venue.call(lambda: venue.world.held.shares(OWNER, market.tokens[0])) == 10 * ONE
    approve(valkey_url, venue)
    assert watcher.scan() == 1
    assert [event.paid for event in results(valkey_url)] == [10 * ONE]


def test_a_lost_position_is_written_off_once_the_chain_says_so(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str
) -> None:
    market = positions_market(venue)
    bought(venue, valkey_url, market, "10")
    watcher = build_inline(settings, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append)
    watcher.scan()
    assert results(valkey_url) == []

    venue.resolve(market.condition_id, (0, 1))
    venue.advance(CHAIN_S)
    watcher.scan()
    watcher.scan()

    assert [(event.paid, event.way, event.transaction) for event in results(valkey_url)] == [(0, "write_off", "")]


def test_a_position_that_only_the_data_api_names_is_redeemed_as_well(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str
) -> None:
    market = positions_market(venue)
    venue.fill(leader=OWNER, token=market.tokens[0], side="BUY", shares="3", price="0.5")
    venue.resolve(market.condition_id, (1, 0))
    venue.advance(DATA_S)
    approve(valkey_url, venue)

    build_inline(settings, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append).scan()

    assert [(event.paid, event.outside) for event in results(valkey_url)] == [(3 * ONE, 3 * ONE)]


def test_what_somebody_else_redeemed_is_found_and_booked_without_a_transaction(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str
) -> None:
    """A redeemer with a ledger of its own has this key too."""
    market = positions_market(venue)
    bought(venue, valkey_url, market, "10")
    lots = open_lots(RedisLedger(connect_redis(valkey_url), "live"))
    approve(valkey_url, venue)
    venue.resolve(market.condition_id, (1, 0))
    venue.advance(DATA_S)
    watcher = build_inline(settings, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append)
    watcher.scan()
    connect_redis(valkey_url).flushall()
    hold(RedisLedger(connect_redis(valkey_url), "live"), *lots)
    venue.advance(DATA_S)

    for _ in range(2):
        build_inline(settings, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append).scan()

    assert [(event.paid, event.way) for event in results(valkey_url)] == [(10 * ONE, "elsewhere")]


def test_a_redeemer_that_ends_between_sending_and_booking_pays_and_books_once(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str
) -> None:
    market = positions_market(venue)
    bought(venue, valkey_url, market, "10", "4")
    approve(valkey_url, venue)
    venue.resolve(market.condition_id, (1, 1))
    venue.advance(CHAIN_S)
    doomed = build_inline(settings, stop=threading.Event(), clock=Doomed(venue), emit=list[Event]().append)
    with pytest.raises(KilledError):
        doomed.scan()
    venue.advance(CHAIN_S)
    assert venue.call(lambda: venue.world.held.shares(OWNER, market.tokens[0])) == 0
    assert results(valkey_url) == []

    for _ in range(3):
        build_inline(settings, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append).scan()

    assert [event.paid for event in results(valkey_url)] == [5 * ONE, 2 * ONE]
