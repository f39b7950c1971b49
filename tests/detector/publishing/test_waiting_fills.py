"""The rule `confirmed`: fills that wait for a second source, and what ends their wait."""

from typing import Any, cast

import pytest

from detector.domain.emit_rule import EmitRule
from detector.domain.reorg_watch import PlacedFill
from detector.publishing.pending_confirmations import WAITING, WAITING_DUE, PendingConfirmations
from detector.publishing.retraction import Retraction
from shared.messages.base import SIGHTINGS
from tests.detector.builders import NOW_MS, NOW_S, a_fill, tx
from tests.detector.publishing.detector_fixture import CONFIRMED, DROPPING, WITHIN_S, DetectorFixture


def test_confirmed_waits_for_a_second_source_and_says_so() -> None:
    detector = DetectorFixture(CONFIRMED)

    detector.show("chain_logs", 1)
    detector.show("chain_logs", 1)
    assert detector.signals == []
    detector.clock.advance(2)
    detector.show("data_api", 1)

    (signal,) = detector.signals
    assert (signal["emitted_by"], [by["source"] for by in signal["seen_by"]]) == (
        "confirmed",
        ["chain_logs", "data_api"],
    )
    assert detector.confirmations == []


def test_what_nobody_confirms_in_time_is_emitted_and_says_so() -> None:
    detector = DetectorFixture(CONFIRMED)
    detector.show("chain_logs", 1)

    detector.time_passes(WITHIN_S - 1)
    assert detector.signals == []
    detector.time_passes(1)
    detector.show("data_api", 1)

    assert [signal["emitted_by"] for signal in detector.signals] == ["unconfirmed"]
    assert (detector.stats.unconfirmed, [found[0] for found in detector.confirmations]) == (1, ["data_api"])


def test_what_is_dropped_is_counted_named_and_never_a_signal_however_late_it_is_confirmed() -> None:
    detector = DetectorFixture(DROPPING)
    detector.show("chain_logs", 1)
    detector.time_passes()

    for later in (detector, detector.again()):
        later.show("data_api", 1)
        later.show("chain_logs", 1)
        later.time_passes()

    assert (detector.signals, detector.confirmations, detector.stats.dropped) == ([], [], 1)
    (dropped,) = detector.events(SIGHTINGS, "SIGNAL_DROPPED")
    assert (dropped["tx_hash"], dropped["shares"]) == (tx(1), "1")


@pytest.mark.parametrize("rule", [CONFIRMED, DROPPING])
def test_a_restart_between_the_two_sources_does_not_lose_the_confirmation(rule: EmitRule) -> None:
    detector = DetectorFixture(rule)
    detector.show("chain_logs", 1, cursor=NOW_S + 900)
    detector.clock.advance(5)

    detector = detector.again()
    detector.show("data_api", 1)

    assert [signal["emitted_by"] for signal in detector.signals] == ["confirmed"]
    assert detector.signals[0]["seen_by"][0] == {"source": "chain_logs", "seen_at_ms": NOW_MS, "lag_ms": 0}


def test_two_detectors_with_one_source_each_confirm_one_another() -> None:
    one = DetectorFixture(DROPPING)
    two = one.again()

    one.show("chain_logs", 1)
    two.show("data_api", 1)
    one.time_passes()

    assert len(one.signals) == 1
    assert one.stats.dropped == 0


def test_what_waits_when_the_detector_dies_is_settled_by_whoever_is_there_at_its_time() -> None:
    detector = DetectorFixture(CONFIRMED)
    detector.show("chain_logs", 1)

    detector.again().time_passes()

    assert [signal["emitted_by"] for signal in detector.signals] == ["unconfirmed"]


@pytest.mark.pitfall(9)
def test_a_demoted_source_confirms_nothing_and_its_record_says_so() -> None:
    detector = DetectorFixture(CONFIRMED)
    detector.stats.demoted = frozenset({"data_api"})
    detector.show("chain_logs", 1)
    detector.show("data_api", 1)
    assert detector.signals == []

    detector.show("rtds", 1)
    detector.stats.demoted = frozenset({"rtds"})
    detector.show("chain_logs", 2)
    detector.show("data_api", 2)
    detector.show("rtds", 2)

    assert [signal["emitted_by"] for signal in detector.signals] == ["confirmed"] * 2
    assert [one["counts"] for one in detector.events(SIGHTINGS, "FILL_CONFIRMED")][-1] is False


def test_s4_the_waiting_room_is_empty_when_all_is_settled_and_what_is_too_much_is_settled_early() -> None:
    detector = DetectorFixture(CONFIRMED)
    detector.show("chain_logs", *range(1, 8))

    early = PendingConfirmations(detector.redis, detector.rule.within_ms, most=5).due_sightings(detector.clock.now_ms())
    detector.publisher.decide_overdue(early)
    assert len(detector.signals) == 2
    detector.time_passes()

    assert len(detector.signals) == 7
    assert (detector.redis.exists(WAITING), detector.redis.exists(WAITING_DUE)) == (0, 0)


def test_an_entry_that_nobody_can_read_does_not_hold_up_the_others() -> None:
    detector = DetectorFixture(CONFIRMED)
    detector.show("chain_logs", 1)
    cast("Any", detector.redis).hset(WAITING, "bad", "{nonsense")
    cast("Any", detector.redis).zadd(WAITING_DUE, {"bad": 1, "gone": 2})

    detector.time_passes()

    assert len(detector.signals) == 1
    assert detector.redis.exists(WAITING_DUE) == 0


def test_confirmations_of_several_fills_that_are_settled_together_are_all_recorded() -> None:
    detector = DetectorFixture(CONFIRMED)
    detector.show("data_api", 1, 2, 3)
    detector.time_passes()

    detector = detector.again()
    detector.show("chain_logs", 1, 2, 3)
    detector.time_passes()

    assert [found[0] for found in detector.confirmations] == ["chain_logs"] * 3


@pytest.mark.pitfall(11)
def test_a_reorganisation_cancels_what_waits_and_nobody_signals_it_any_more() -> None:
    detector = DetectorFixture(CONFIRMED)
    detector.show("chain_logs", 1, 2)
    gone = PlacedFill(1000, (a_fill(1_000_000, 500_000, tx_hash=tx(1)),))

    for _ in range(2):
        assert Retraction(detector.redis, detector.clock)(gone, "chain_logs", "removed") == 0
    for later in (detector, detector.again()):
        later.show("data_api", 1)
        later.time_passes()

    assert [signal["tx_hash"] for signal in detector.signals] == [tx(2)]
    (dropped,) = detector.events(SIGHTINGS, "SIGNAL_DROPPED")
    assert (dropped["tx_hash"], dropped["reason"]) == (tx(1), "removed")
    assert detector.redis.exists(WAITING) == 0


@pytest.mark.pitfall(11)
def test_what_was_confirmed_before_a_reorganisation_is_retracted() -> None:
    detector = DetectorFixture(CONFIRMED)
    detector.show("chain_logs", 1)
    detector.show("data_api", 1)

    gone = PlacedFill(1000, (a_fill(1_000_000, 500_000, tx_hash=tx(1)),))

    assert Retraction(detector.redis, detector.clock)(gone, "chain_logs", "removed") == 1
    assert detector.events(SIGHTINGS, "SIGNAL_DROPPED") == []
