"""Sources in trouble at the local venue: demoted by comparison, and back by themselves; confirmed signals meanwhile."""

from collections import Counter
from typing import Any, cast

import pytest
from redis import Redis

from shared.messages.base import SIGHTINGS
from shared.messages.events import read_event
from shared.messages.signals import FillConfirmed
from shared.redis.client import connect_redis
from simulator import Settings, Simulator, serve
from tests.detector.venue import detecting, settings, signals, sums, truth, wait_until

pytestmark = [pytest.mark.simulator, pytest.mark.server]

BUSY = Settings(speed=20.0, fills_per_minute=240.0, limits=False)
TWO = {"sources": "data_api,chain_logs"}


def state(detector: Any, name: str) -> str:
    return detector.snapshot()["sources"][name]["state"]


def freeze(sim: Simulator) -> None:
    sim.call(lambda: setattr(sim.world, "paused", True))


def confirmations(redis: Redis) -> list[FillConfirmed]:
    entries = cast("list[tuple[str, dict[str, str]]]", redis.xrange(SIGHTINGS))
    found = [read_event(fields["json"]) for _, fields in entries]
    return [event for event in found if isinstance(event, FillConfirmed)]


def witnesses(redis: Redis) -> list[tuple[str, str]]:
    """Return who showed what: in the signals themselves, and after them."""
    told = [(signal.id, seen.source) for signal in signals(redis) for seen in signal.seen_by]
    return told + [(one.signal_id, one.source) for one in confirmations(redis)]


@pytest.mark.pitfall(8)
def test_a_cache_that_hides_trades_demotes_the_data_api_until_it_is_fresh_again(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(BUSY) as sim, detecting(settings(sim, valkey_url, **TWO)) as detector:
        wait_until(lambda: len(signals(redis)) > 40, "leaders trade")
        sim.fault("stale_cdn", upstream="data", params={"seconds": 6})
        wait_until(lambda: state(detector, "data_api") in {"late", "mute"}, "the data api is demoted")
        working = state(detector, "chain_logs")
        sim.heal()
        wait_until(lambda: state(detector, "data_api") == "ok", "it comes back by itself")
        freeze(sim)
        wait_until(lambda: sums(signals(redis)) == truth(sim), "every fill is signalled")

    assert working == "ok"


def test_every_fill_is_on_record_with_both_sources_and_none_is_signalled_twice(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)

    with serve(BUSY) as sim, detecting(settings(sim, valkey_url, **TWO)):
        wait_until(lambda: len(signals(redis)) > 60, "leaders trade")
        freeze(sim)
        wait_until(lambda: sums(signals(redis)) == truth(sim), "every fill is signalled")
        wait_until(lambda: len(witnesses(redis)) >= 2 * len(signals(redis)), "every signal has both")

    both = {"data_api", "chain_logs"}
    assert Counter(witnesses(redis)) == Counter((one.id, source) for one in signals(redis) for source in both)
    assert all(one.source != one.first_source for one in confirmations(redis))


@pytest.mark.parametrize("unconfirmed", ["emit", "drop"])
def test_confirmed_signals_each_fill_once_with_two_witnesses(valkey_url: str, unconfirmed: str) -> None:
    redis = connect_redis(valkey_url)
    rule = {"emit_rule": "confirmed", "unconfirmed": unconfirmed, "confirm_within_s": "20"}

    with serve(BUSY) as sim, detecting(settings(sim, valkey_url, **TWO, **rule)):
        wait_until(lambda: truth(sim).fills > 60, "leaders trade")
        freeze(sim)
        wait_until(lambda: sums(signals(redis)) == truth(sim), "every fill is signalled")

    assert {(signal.emitted_by, len(signal.seen_by)) for signal in signals(redis)} == {("confirmed", 2)}


@pytest.mark.pitfall(9)
def test_an_empty_subgraph_confirms_nothing_so_what_one_source_shows_is_emitted_late_and_says_so(
    valkey_url: str,
) -> None:
    redis = connect_redis(valkey_url)
    rule = {"emit_rule": "confirmed", "confirm_within_s": "2", "sources": "chain_logs,subgraph"}

    with serve(BUSY) as sim, detecting(settings(sim, valkey_url, **rule)) as detector:
        wait_until(lambda: truth(sim).fills > 60, "leaders trade")
        wait_until(lambda: state(detector, "subgraph") == "blind", "the comparison")
        freeze(sim)
        wait_until(lambda: sums(signals(redis)) == truth(sim), "every fill is signalled")

    assert {signal.emitted_by for signal in signals(redis)} == {"unconfirmed"}
