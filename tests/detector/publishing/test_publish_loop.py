"""From batches to the stream: durable first, cursors after, nothing twice, nothing lost while Redis is away."""

import json
import threading
from collections.abc import Callable
from typing import Any, cast

import fakeredis
import pytest
from redis import Redis
from redis.exceptions import ConnectionError as ConnectionLost

from detector.composition import build_publish_loop
from detector.domain.source_port import Batch, Stopping
from detector.monitoring.source_stats import SourceStats
from detector.polling.cursors import CURSORS, CursorStore
from shared.clock import ManualClock
from shared.messages.base import SIGNALS
from shared.messages.signals import ActionableSignal
from tests.amounts import D
from tests.detector.builders import LEADER, NOW_MS, NOW_S, OTHER, a_fill, a_view, tx
from tests.waiting import PATIENCE_S


class FlakyRedis:
    """A server whose connections are away for some scripts, or lose their answers."""

    def __init__(self) -> None:
        self.redis = cast("Redis", fakeredis.FakeRedis(decode_responses=True))
        self.away = 0
        self.lost_replies = 0
        pool: Any = self.redis.connection_pool
        pool.connection_class = self._faulty(pool.connection_class)

    def _faulty(self, connection_class: Any) -> Any:
        """Return connections that fail when their server is away."""
        flaky = self

        class Faulty(connection_class):
            loses = False

            def send_packed_command(self, packed: Any, *words: Any, **options: Any) -> Any:
                script = b"EVALSHA" in b"".join(packed)
                if script and flaky.away:
                    flaky.away -= 1
                    self.disconnect()
                    raise ConnectionLost("away")
                self.loses = script and flaky.lost_replies > 0
                return connection_class.send_packed_command(self, packed, *words, **options)

            def read_response(self, *words: Any, **options: Any) -> Any:
                answer = connection_class.read_response(self, *words, **options)
                if self.loses:
                    self.loses = False
                    flaky.lost_replies -= 1
                    raise ConnectionLost("the reply was lost")
                return answer

        return Faulty


class DetectorFixture:
    """A publisher with what surrounds it."""

    def __init__(self, redis: FlakyRedis | None = None) -> None:
        self.redis = redis or FlakyRedis()
        self.clock = ManualClock(NOW_MS)
        self.stop = threading.Event()
        self.stats = SourceStats(["data_api", "chain_logs"], clock=self.clock)
        self.cursors = CursorStore(self.redis.redis)
        self.emitted: list[ActionableSignal] = []
        self.publisher = build_publish_loop(
            self.redis.redis,
            self.stats,
            self.cursors,
            self.emitted.append,
            clock=self.clock,
            stop=self.stop,
        )

    def stored(self) -> list[dict[str, Any]]:
        entries = cast("list[tuple[str, dict[str, str]]]", self.redis.redis.xrange(SIGNALS))
        return [json.loads(fields["json"]) for _, fields in entries]


def a_batch(*shares: int, source: str = "data_api", cursor: int | None = None) -> Batch:
    fills = [a_fill(amount * 1_000_000, amount * 500_000, tx_hash=tx(amount)) for amount in shares]
    return Batch(source, (a_view(*fills, source=source),), {LEADER: cursor} if cursor else {}, rows=len(fills))


def test_a_batch_is_on_the_stream_before_its_cursor_moves() -> None:
    detector = DetectorFixture()

    detector.publisher.publish_batch(a_batch(1, 2, cursor=NOW_S))

    assert [signal["shares"] for signal in detector.stored()] == ["1", "2"]
    assert detector.redis.redis.hgetall(CURSORS) == {f"data_api:{LEADER}": str(NOW_S)}
    assert [signal.id for signal in detector.emitted] == [signal["id"] for signal in detector.stored()]


@pytest.mark.pitfall(3)
def test_a_crash_before_the_cursor_repeats_nothing_after_the_restart() -> None:
    first = DetectorFixture()
    first.publisher.publish_batch(a_batch(1, 2))

    second = DetectorFixture(first.redis)
    second.publisher.publish_batch(a_batch(1, 2, 3))

    assert [signal["shares"] for signal in second.stored()] == ["1", "2", "3"]
    assert [signal.shares for signal in second.emitted] == [D(3)]
    assert second.stats.repeats == 2


@pytest.mark.pitfall(31)
def test_redis_away_only_delays() -> None:
    detector = DetectorFixture()
    detector.publisher.publish_batch(a_batch(1))
    detector.redis.away = 60

    detector.publisher.publish_batch(a_batch(2, cursor=NOW_S))

    assert [signal["shares"] for signal in detector.stored()] == ["1", "2"]
    assert detector.clock.now_ms() == NOW_MS + 60_000


@pytest.mark.pitfall(31)
def test_a_lost_reply_makes_neither_a_second_entry_nor_a_signal_that_nobody_heard_of() -> None:
    detector = DetectorFixture()
    detector.publisher.publish_batch(a_batch(1))
    detector.redis.lost_replies = 1

    detector.publisher.publish_batch(a_batch(2))

    assert [signal["shares"] for signal in detector.stored()] == ["1", "2"]
    assert [signal.shares for signal in detector.emitted] == [D(1), D(2)]


@pytest.mark.pitfall(31)
def test_told_to_stop_while_redis_is_away_the_cursor_stays() -> None:
    detector = DetectorFixture()
    detector.publisher.publish_batch(a_batch(1))
    detector.redis.away = 1_000_000
    detector.stop.set()

    with pytest.raises(Stopping):
        detector.publisher.publish_batch(a_batch(2, cursor=NOW_S))

    detector.redis.away = 0
    assert detector.redis.redis.hgetall(CURSORS) == {}


def test_cursors_never_move_back() -> None:
    detector = DetectorFixture()
    detector.cursors.advance("data_api", {LEADER: NOW_S})

    CursorStore(detector.redis.redis).advance("data_api", {LEADER: NOW_S - 50, OTHER: 5})

    fresh = CursorStore(detector.redis.redis)
    assert (fresh.get("data_api", LEADER), fresh.get("data_api", OTHER)) == (NOW_S, 5)
    assert fresh.get("chain_logs", LEADER) is None


def test_two_detectors_publish_the_total_once_between_them() -> None:
    one = DetectorFixture()
    two = DetectorFixture(one.redis)

    one.publisher.publish_batch(a_batch(1, 2))
    two.publisher.publish_batch(a_batch(2, 3, source="chain_logs"))

    assert sorted(signal["shares"] for signal in one.stored()) == ["1", "2", "3"]


def test_provenance_counts_who_was_first_and_who_later() -> None:
    detector = DetectorFixture()

    detector.publisher.publish_batch(a_batch(1, 2, source="chain_logs"))
    detector.publisher.publish_batch(a_batch(1, 2, source="data_api"))

    data, chain = detector.stats.statuses()
    assert (data.seen_first, data.seen_later) == (0, 2)
    assert (chain.seen_first, chain.seen_later) == (2, 0)
    assert (data.lag_p50_ms, detector.stats.sightings) == (5000, 4)


@pytest.mark.pitfall(9)
def test_a_source_that_answers_and_never_has_rows_is_told() -> None:
    detector = DetectorFixture()
    detector.stats.count_poll("data_api", LEADER, NOW_MS)

    detector.publisher.publish_batch(a_batch(*range(1, 21), source="chain_logs"))
    detector.clock.advance(30)
    turns = detector.stats.judge_sources()

    data, chain = detector.stats.statuses()
    assert (data.state, data.coverage, data.missed, chain.coverage) == ("blind", 0.0, 20, None)
    assert [(turn.source, turn.now) for turn in turns] == [("data_api", "blind")]
    assert "none of the fills" in data.last_error


@pytest.mark.pitfall(13)
def test_unreadable_rows_are_counted_and_shown() -> None:
    detector = DetectorFixture()

    detector.publisher.publish_batch(Batch("data_api", (), {}, rows=3, problems=("size: expected a number",)))

    data, _ = detector.stats.statuses()
    assert (data.rows, data.errors) == (3, 1)
    assert "size" in data.last_error


def test_a_row_that_stays_unreadable_is_one_problem_however_often_it_is_read() -> None:
    detector = DetectorFixture()

    for _ in range(5):
        detector.publisher.publish_batch(
            Batch("data_api", (), {}, rows=1, skipped={"REDEEM": 1}, problems=("size: no number",))
        )

    assert detector.stats.statuses()[0].errors == 1
    assert detector.stats.skipped_rows()["data_api"] == {"REDEEM": 5}


def on_thread(detector: DetectorFixture, act: Callable[[], None]) -> None:
    detector.publisher.start()
    try:
        act()
    finally:
        detector.stop.set()
        assert detector.publisher.join(PATIENCE_S)


def test_a_source_waits_until_its_batch_is_out() -> None:
    detector = DetectorFixture()

    on_thread(detector, lambda: detector.publisher.sink(a_batch(1)))

    assert [signal["shares"] for signal in detector.stored()] == ["1"]


@pytest.mark.pitfall(29)
def test_a_batch_that_cannot_be_handled_is_told_to_its_source_and_the_loop_goes_on() -> None:
    detector = DetectorFixture()

    def act() -> None:
        with pytest.raises(KeyError):
            detector.publisher.sink(Batch("a stranger", ()))
        detector.publisher.sink(a_batch(1))

    on_thread(detector, act)

    assert len(detector.stored()) == 1


@pytest.mark.slow
def test_a_source_that_hands_in_after_the_end_is_told_so() -> None:
    detector = DetectorFixture()
    on_thread(detector, lambda: None)

    with pytest.raises(Stopping):
        detector.publisher.sink(a_batch(1))


def test_a_fact_older_than_what_the_server_remembers_is_not_published() -> None:
    detector = DetectorFixture()
    detector.redis.redis.hset(f"{SIGNALS}:horizons", LEADER, NOW_MS)

    detector.publisher.publish_batch(a_batch(1))

    assert detector.stored() == []
    assert detector.stats.repeats == 1


def test_what_one_batch_shows_is_published_in_one_round_trip() -> None:
    detector = DetectorFixture()
    sent = list[list[str]]()
    stream = cast("Any", detector.redis.redis.connection_pool.connection_class)
    send = stream.send_packed_command

    def watched(self: Any, packed: Any, *words: Any, **options: Any) -> Any:
        sent.append([text for text in b"".join(packed).decode().split() if text == "EVALSHA"])
        return send(self, packed, *words, **options)

    stream.send_packed_command = watched

    detector.publisher.publish_batch(a_batch(1, 2, 3, 4))

    assert len(detector.stored()) == 4
    assert next(filter(None, sent)) == ["EVALSHA"] * 4


def test_a_lost_answer_to_many_repeats_none_of_them_and_tells_of_each_once() -> None:
    detector = DetectorFixture()
    detector.redis.lost_replies = 1

    detector.publisher.publish_batch(a_batch(1, 2, 3))

    assert [signal["shares"] for signal in detector.stored()] == ["1", "2", "3"]
    assert [signal.shares for signal in detector.emitted] == [D(1), D(2), D(3)]
