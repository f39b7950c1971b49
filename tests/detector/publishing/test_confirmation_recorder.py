"""Confirmations on record: by whom, how late, once, and before the cursor moves."""

from typing import Any

import pytest

from detector.domain.emit_rule import EmitRule
from detector.domain.source_port import Batch
from detector.polling.cursors import CURSORS
from shared.messages.base import SIGHTINGS
from tests.detector.builders import a_fill, a_view
from tests.detector.publishing.detector_fixture import DetectorFixture


def test_a_later_source_is_on_record_once_with_its_lag_and_how_far_it_is_behind() -> None:
    detector = DetectorFixture(EmitRule())
    detector.show("chain_logs", 1)
    detector.clock.advance(3)

    for _ in range(3):
        detector.show("data_api", 1)
        detector.show("chain_logs", 1)

    assert detector.confirmations == [("data_api", 3000, 3000, "chain_logs")]
    assert len(detector.signals) == 1
    assert detector.events(SIGHTINGS, "FILL_CONFIRMED")[0]["signal_id"] == detector.signals[0]["id"]


def test_a_confirmation_that_comes_after_a_restart_still_knows_who_was_first_and_when() -> None:
    detector = DetectorFixture(EmitRule())
    detector.show("chain_logs", 1)
    detector.clock.advance(7)

    for _ in range(2):
        detector = detector.again()
        detector.show("data_api", 1)
        detector.show("chain_logs", 1)

    assert detector.confirmations == [("data_api", 7000, 7000, "chain_logs")]
    assert len(detector.signals) == 1


def test_two_detectors_record_a_confirmation_once() -> None:
    one = DetectorFixture(EmitRule())
    two = one.again()
    one.show("chain_logs", 1)

    two.show("data_api", 1)
    one.show("data_api", 1)

    assert [found[0] for found in one.confirmations] == ["data_api"]


def test_each_part_of_a_fill_is_confirmed_by_whoever_shows_all_of_it() -> None:
    detector = DetectorFixture(EmitRule())
    both = [a_fill(1000, 500), a_fill(3000, 900)]
    detector.publisher.publish_batch(Batch("rtds", (a_view(both[0], source="rtds"),)))
    detector.publisher.publish_batch(Batch("rtds", (a_view(*both, source="rtds"),)))

    detector.publisher.publish_batch(Batch("data_api", (a_view(both[0], source="data_api"),)))
    detector.publisher.publish_batch(Batch("chain_logs", (a_view(*both, source="chain_logs"),)))

    confirmed = detector.events(SIGHTINGS, "FILL_CONFIRMED")
    parts = {signal["id"]: signal["part"] for signal in detector.signals}
    assert [(one["source"], parts[one["signal_id"]]) for one in confirmed] == [
        ("data_api", 0),
        ("chain_logs", 0),
        ("chain_logs", 1),
    ]


def test_a_confirmation_is_durable_before_its_cursor_moves() -> None:
    detector = DetectorFixture(EmitRule())
    detector.show("chain_logs", 1)
    server: Any = detector.redis
    server.delete(CURSORS)
    server.set(SIGHTINGS, "not a stream")

    with pytest.raises(Exception, match="WRONGTYPE"):
        detector.show("data_api", 1)

    assert server.hgetall(CURSORS) == {}
