"""Real holdings against the local venue, whose chain takes signed transactions: approved, redeemed, proved, booked."""

import threading

import pytest

from redeemer.composition import build_inline, build_redeemer, build_watcher
from redeemer.config import RedeemerSettings
from shared.domain.errors import BadConfig
from shared.domain.ledger_accounts import CASH
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import Event
from shared.messages.redemptions import RedemptionAlarm, RedemptionResult
from shared.redis.client import connect_redis
from simulator.gateway.server import Simulator
from tests.redeemer.builders import ONE
from tests.redeemer.live_venue import CHAIN_S, DATA_S, OWNER, Waiting, approve, bought, published

pytestmark = [pytest.mark.simulator, pytest.mark.server, pytest.mark.evm]


def test_what_resolves_is_approved_for_redeemed_proved_from_logs_and_booked(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str
) -> None:
    plain = next(market for market in venue.markets if not market.neg_risk)
    neg_risk = next(market for market in venue.markets if market.neg_risk)
    bought(venue, valkey_url, plain, "10", "4")
    bought(venue, valkey_url, neg_risk, "6")
    watcher = build_inline(settings, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append)
    assert watcher.scan() == 0
    for market, payouts in ((plain, (1, 3)), (neg_risk, (1, 0))):
        venue.resolve(market.condition_id, payouts)
    venue.advance(CHAIN_S)

    assert watcher.scan() == 0  # not approved yet: the simulation reverts, and no gas is spent
    approve(valkey_url, venue)
    assert watcher.scan() == 2

    results = {event.condition_id: event for event in published(valkey_url) if isinstance(event, RedemptionResult)}
    assert {name: event.paid for name, event in results.items()} == {
        plain.condition_id: 5_500_000,
        neg_risk.condition_id: 6 * ONE,
    }
    for event in results.values():
        assert (event.mode, event.token, event.way) == ("live", "pUSD", "adapter")
        assert event.transaction.startswith("0x")
        assert event.gas_pol > 0
    ledger = RedisLedger(connect_redis(valkey_url), "live")
    assert open_lots(ledger) == []
    assert ledger.read((CASH,)).values[CASH] == round((11.5 - 3) * ONE)
    assert venue.call(lambda: venue.world.held.shares(OWNER, plain.tokens[0])) == 0
    assert watcher.scan() == 0


def test_a_winner_that_only_the_data_api_names_is_redeemed_as_well(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str
) -> None:
    market = venue.markets[0]
    venue.fill(leader=OWNER, token=market.tokens[0], side="BUY", shares="3", price="0.5")
    venue.resolve(market.condition_id, (1, 0))
    venue.advance(DATA_S)
    approve(valkey_url, venue)
    watcher = build_inline(settings, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append)

    assert watcher.scan() == 1

    event = published(valkey_url)[0]
    assert isinstance(event, RedemptionResult)
    assert (event.condition_id, event.paid, event.outside) == (market.condition_id, 3 * ONE, 3 * ONE)


@pytest.mark.pitfall(27)
def test_the_wrong_adapter_pays_nothing_on_the_venues_chain_and_is_an_alarm(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str
) -> None:
    """Its address is taken for the right one: the transaction succeeds, and the shares stay where they are."""
    market = next(market for market in venue.markets if not market.neg_risk)
    wrong = settings.model_copy(
        update={"contracts": ("ctf_collateral_adapter=0xada2005600dec949baf300f4c6120000bdb6eaab",)}
    )
    bought(venue, valkey_url, market, "10")
    venue.resolve(market.condition_id, (1, 0))
    venue.advance(CHAIN_S)
    approve(valkey_url, venue)
    watcher = build_inline(wrong, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append)

    watcher.scan()

    alarm = published(valkey_url)[0]
    assert isinstance(alarm, RedemptionAlarm)
    assert (alarm.expected, alarm.paid) == (10 * ONE, 0)
    assert len(open_lots(RedisLedger(connect_redis(valkey_url), "live"))) == 1
    assert venue.call(lambda: venue.world.held.shares(OWNER, market.tokens[0])) == 10 * ONE


def test_a_watcher_with_the_signers_address_finds_what_is_due_without_a_key(
    venue: Simulator, settings: RedeemerSettings, valkey_url: str
) -> None:
    market = next(market for market in venue.markets if not market.neg_risk)
    bought(venue, valkey_url, market, "10")
    approve(valkey_url, venue)
    venue.resolve(market.condition_id, (1, 0))
    venue.advance(CHAIN_S)
    keyless = settings.model_copy(update={"private_key_file": None, "signer_address": OWNER})
    jobs: list[tuple[str, str]] = []

    def enqueue(wallet: str, condition_id: str) -> bool:
        jobs.append((wallet, condition_id))
        return True

    watcher = build_watcher(keyless, stop=threading.Event(), clock=Waiting(venue), enqueue=enqueue)

    assert watcher.scan() == 1
    assert jobs == [(OWNER, market.condition_id)]


def test_an_address_that_is_not_the_keys_is_refused_by_who_signs(venue: Simulator, settings: RedeemerSettings) -> None:
    wrong = settings.model_copy(update={"signer_address": "0x" + "ab" * 20})

    with pytest.raises(BadConfig, match=f"is not the signing key's address, {OWNER}"):
        build_redeemer(wrong, stop=threading.Event(), clock=Waiting(venue), emit=list[Event]().append)
