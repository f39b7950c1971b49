"""A match that the operator sends again stays one signal: whichever is mined, whoever shows it, across restarts."""

from typing import Any, cast

import fakeredis
import pytest
from redis import Redis

from detector.domain.emit_rule import FIRST
from detector.domain.reorg_watch import PlacedFill
from detector.domain.source_port import Batch
from detector.publishing.replaced_transactions import REPLACED, ReplacedTransactions
from detector.publishing.retraction import Retraction
from tests.detector.builders import NOW_MS, a_fill, a_view, tx
from tests.detector.publishing.detector_fixture import CONFIRMED, DetectorFixture

FIRST_TX, AGAIN = tx(1), tx(2)


def shows(detector: DetectorFixture, source: str, tx_hash: str, replaces: dict[str, str] | None = None) -> None:
    view = a_view(a_fill(tx_hash=tx_hash), source=source, seen_at_ms=detector.clock.now_ms())
    detector.publisher.publish_batch(Batch(source, (view,), replaces=replaces or {}))


def sent_again(detector: DetectorFixture) -> None:
    shows(detector, "pending", FIRST_TX)
    shows(detector, "pending", AGAIN, {AGAIN: FIRST_TX})


@pytest.mark.parametrize("mined", [FIRST_TX, AGAIN])
def test_whichever_of_the_two_is_mined_confirms_the_one_signal(mined: str) -> None:
    detector = DetectorFixture(FIRST)
    sent_again(detector)

    shows(detector, "chain_logs", mined)
    shows(detector, "data_api", mined)

    (signal,) = detector.signals
    confirmed = detector.events("hs:sightings", "FILL_CONFIRMED")
    assert signal["tx_hash"] == FIRST_TX
    assert [(each["signal_id"], each["replaced_by"]) for each in confirmed] == [(signal["id"], AGAIN)] * 2


def test_after_a_restart_the_replacement_is_still_known() -> None:
    first = DetectorFixture(FIRST)
    sent_again(first)

    shows(first.again(), "chain_logs", AGAIN)

    assert [each["tx_hash"] for each in first.signals] == [FIRST_TX]


def test_a_replacement_that_was_signalled_under_its_own_name_stays_a_signal() -> None:
    detector = DetectorFixture(FIRST)
    shows(detector, "pending", FIRST_TX)
    shows(detector, "chain_logs", AGAIN)

    shows(detector, "pending", AGAIN, {AGAIN: FIRST_TX})
    shows(detector, "data_api", AGAIN)

    assert [each["tx_hash"] for each in detector.signals] == [FIRST_TX, AGAIN]
    assert ReplacedTransactions(detector.redis).replacements_of(FIRST_TX) == ()


def test_so_does_one_that_waits_for_a_second_source() -> None:
    detector = DetectorFixture(CONFIRMED)
    shows(detector, "chain_logs", AGAIN)

    shows(detector, "pending", AGAIN, {AGAIN: FIRST_TX})

    assert [each["tx_hash"] for each in detector.signals] == [AGAIN]


def test_a_reorganisation_of_the_replacement_takes_the_signal_back() -> None:
    detector = DetectorFixture(FIRST)
    sent_again(detector)

    count = Retraction(detector.redis, detector.clock)(PlacedFill(1, (a_fill(tx_hash=AGAIN),)), "chain_logs", "gone")

    assert count == 1
    assert [each["signal_id"] for each in detector.events("hs:signals", "FILL_RETRACTED")] == [
        detector.signals[0]["id"]
    ]


def test_what_is_known_is_written_again_on_a_server_that_forgot() -> None:
    redis = cast("Redis", fakeredis.FakeRedis(decode_responses=True))
    replaced, views = ReplacedTransactions(redis), (a_view(a_fill(tx_hash=AGAIN), source="pending", seen_at_ms=NOW_MS),)
    replaced.accept({AGAIN: FIRST_TX}, views)
    redis.flushall()

    replaced.store_again()

    answer: Any = redis.hgetall(REPLACED)
    assert answer == {AGAIN: FIRST_TX}
