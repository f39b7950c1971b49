"""Confirmations, and the emit rule: at most one signal, none lost, whatever the order, the restarts, the duplicates."""

import json
import threading
from collections import Counter
from typing import Any, cast

import fakeredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from detector.composition import build_publish_loop
from detector.domain.emit_rule import EmitRule
from detector.domain.reorg_watch import PlacedFill
from detector.domain.source_port import Batch
from detector.monitoring.source_stats import SourceStats
from detector.polling.cursors import CURSORS, CursorStore
from detector.publishing.pending_confirmations import WAITING, WAITING_DUE, PendingConfirmations
from detector.publishing.retraction import Retraction
from shared.clock import ManualClock
from shared.messages.base import SIGHTINGS, SIGNALS
from shared.messages.signals import ActionableSignal
from tests.detector.builders import LEADER, NOW_MS, NOW_S, a_fill, a_view, tx

SOURCES = ("chain_logs", "data_api", "rtds")
WITHIN_S = 30
CONFIRMED = EmitRule(confirmed=True, within_ms=WITHIN_S * 1000)
DROPPING = EmitRule(confirmed=True, within_ms=WITHIN_S * 1000, drop=True)


class DetectorFixture:
    """One detector's life on a server that outlives it."""

    def __init__(self, rule: EmitRule, redis: Redis | None = None, clock: ManualClock | None = None) -> None:
        self.rule, self.clock = rule, clock or ManualClock(NOW_MS)
        self.redis = redis or cast("Redis", fakeredis.FakeRedis(decode_responses=True))
        self.stats = SourceStats(SOURCES, clock=self.clock)
        self.emitted: list[ActionableSignal] = []
        self.publisher = build_publish_loop(
            self.redis,
            self.stats,
            CursorStore(self.redis),
            self.emitted.append,
            clock=self.clock,
            stop=threading.Event(),
            rule=rule,
        )

    def again(self) -> "DetectorFixture":
        return DetectorFixture(self.rule, self.redis, self.clock)

    def show(self, source: str, *numbers: int, cursor: int = NOW_S) -> None:
        """Let a source show fills; the same number is the same fill."""
        fills = [a_fill(number * 1_000_000, number * 500_000, tx_hash=tx(number)) for number in numbers]
        view = a_view(*fills, source=source, seen_at_ms=self.clock.now_ms())
        heard: list[Any] = []
        recorder: Any = self.publisher._recorder  # pyright: ignore[reportPrivateUsage] - what its thread would do
        recorder._on_views = heard.extend
        self.publisher.publish_batch(Batch(source, (view,), {LEADER: cursor}, rows=len(fills)))
        recorder.record_notes(self.publisher._match_others(heard))  # pyright: ignore[reportPrivateUsage] - as above

    def time_passes(self, seconds: float = WITHIN_S) -> None:
        self.clock.advance(seconds)
        room = PendingConfirmations(self.redis, self.rule.within_ms)
        while held := room.due_sightings(self.clock.now_ms()):
            self.publisher.decide_overdue(held)

    def events(self, stream: str, kind: str) -> list[dict[str, Any]]:
        entries = cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(stream))
        return [json.loads(fields["json"]) for _, fields in entries if fields["event"] == kind]

    @property
    def signals(self) -> list[dict[str, Any]]:
        return self.events(SIGNALS, "ACTIONABLE_SIGNAL")

    @property
    def confirmations(self) -> list[tuple[str, int, int, str]]:
        found = self.events(SIGHTINGS, "FILL_CONFIRMED")
        return [(one["source"], one["lag_ms"], one["behind_first_ms"], one["first_source"]) for one in found]


def test_a_later_source_is_on_record_once_with_its_lag_and_how_far_it_is_behind() -> None:
    life = DetectorFixture(EmitRule())
    life.show("chain_logs", 1)
    life.clock.advance(3)

    for _ in range(3):
        life.show("data_api", 1)
        life.show("chain_logs", 1)

    assert life.confirmations == [("data_api", 3000, 3000, "chain_logs")]
    assert len(life.signals) == 1
    assert life.events(SIGHTINGS, "FILL_CONFIRMED")[0]["signal_id"] == life.signals[0]["id"]


def test_a_confirmation_that_comes_after_a_restart_still_knows_who_was_first_and_when() -> None:
    life = DetectorFixture(EmitRule())
    life.show("chain_logs", 1)
    life.clock.advance(7)

    for _ in range(2):
        life = life.again()
        life.show("data_api", 1)
        life.show("chain_logs", 1)

    assert life.confirmations == [("data_api", 7000, 7000, "chain_logs")]
    assert len(life.signals) == 1


def test_two_detectors_record_a_confirmation_once() -> None:
    one = DetectorFixture(EmitRule())
    two = one.again()
    one.show("chain_logs", 1)

    two.show("data_api", 1)
    one.show("data_api", 1)

    assert [found[0] for found in one.confirmations] == ["data_api"]


def test_each_part_of_a_fill_is_confirmed_by_whoever_shows_all_of_it() -> None:
    life = DetectorFixture(EmitRule())
    both = [a_fill(1000, 500), a_fill(3000, 900)]
    life.publisher.publish_batch(Batch("rtds", (a_view(both[0], source="rtds"),)))
    life.publisher.publish_batch(Batch("rtds", (a_view(*both, source="rtds"),)))

    life.publisher.publish_batch(Batch("data_api", (a_view(both[0], source="data_api"),)))
    life.publisher.publish_batch(Batch("chain_logs", (a_view(*both, source="chain_logs"),)))

    confirmed = life.events(SIGHTINGS, "FILL_CONFIRMED")
    parts = {signal["id"]: signal["part"] for signal in life.signals}
    assert [(one["source"], parts[one["signal_id"]]) for one in confirmed] == [
        ("data_api", 0),
        ("chain_logs", 0),
        ("chain_logs", 1),
    ]


def test_a_confirmation_is_durable_before_its_cursor_moves() -> None:
    life = DetectorFixture(EmitRule())
    life.show("chain_logs", 1)
    server: Any = life.redis
    server.delete(CURSORS)
    server.set(SIGHTINGS, "not a stream")

    with pytest.raises(Exception, match="WRONGTYPE"):
        life.show("data_api", 1)

    assert server.hgetall(CURSORS) == {}


def test_confirmed_waits_for_a_second_source_and_says_so() -> None:
    life = DetectorFixture(CONFIRMED)

    life.show("chain_logs", 1)
    life.show("chain_logs", 1)
    assert life.signals == []
    life.clock.advance(2)
    life.show("data_api", 1)

    (signal,) = life.signals
    assert (signal["emitted_by"], [by["source"] for by in signal["seen_by"]]) == (
        "confirmed",
        ["chain_logs", "data_api"],
    )
    assert life.confirmations == []


def test_what_nobody_confirms_in_time_is_emitted_and_says_so() -> None:
    life = DetectorFixture(CONFIRMED)
    life.show("chain_logs", 1)

    life.time_passes(WITHIN_S - 1)
    assert life.signals == []
    life.time_passes(1)
    life.show("data_api", 1)

    assert [signal["emitted_by"] for signal in life.signals] == ["unconfirmed"]
    assert (life.stats.unconfirmed, [found[0] for found in life.confirmations]) == (1, ["data_api"])


def test_what_is_dropped_is_counted_named_and_never_a_signal_however_late_it_is_confirmed() -> None:
    life = DetectorFixture(DROPPING)
    life.show("chain_logs", 1)
    life.time_passes()

    for later in (life, life.again()):
        later.show("data_api", 1)
        later.show("chain_logs", 1)
        later.time_passes()

    assert (life.signals, life.confirmations, life.stats.dropped) == ([], [], 1)
    (dropped,) = life.events(SIGHTINGS, "SIGNAL_DROPPED")
    assert (dropped["tx_hash"], dropped["shares"]) == (tx(1), "1")


@pytest.mark.parametrize("rule", [CONFIRMED, DROPPING])
def test_a_restart_between_the_two_sources_does_not_lose_the_confirmation(rule: EmitRule) -> None:
    life = DetectorFixture(rule)
    life.show("chain_logs", 1, cursor=NOW_S + 900)
    life.clock.advance(5)

    life = life.again()
    life.show("data_api", 1)

    assert [signal["emitted_by"] for signal in life.signals] == ["confirmed"]
    assert life.signals[0]["seen_by"][0] == {"source": "chain_logs", "seen_at_ms": NOW_MS, "lag_ms": 0}


def test_two_detectors_with_one_source_each_confirm_one_another() -> None:
    one = DetectorFixture(DROPPING)
    two = one.again()

    one.show("chain_logs", 1)
    two.show("data_api", 1)
    one.time_passes()

    assert len(one.signals) == 1
    assert one.stats.dropped == 0


def test_what_waits_when_the_detector_dies_is_settled_by_whoever_is_there_at_its_time() -> None:
    life = DetectorFixture(CONFIRMED)
    life.show("chain_logs", 1)

    life.again().time_passes()

    assert [signal["emitted_by"] for signal in life.signals] == ["unconfirmed"]


@pytest.mark.pitfall(9)
def test_a_demoted_source_confirms_nothing_and_its_record_says_so() -> None:
    life = DetectorFixture(CONFIRMED)
    life.stats.demoted = frozenset({"data_api"})
    life.show("chain_logs", 1)
    life.show("data_api", 1)
    assert life.signals == []

    life.show("rtds", 1)
    life.stats.demoted = frozenset({"rtds"})
    life.show("chain_logs", 2)
    life.show("data_api", 2)
    life.show("rtds", 2)

    assert [signal["emitted_by"] for signal in life.signals] == ["confirmed"] * 2
    assert [one["counts"] for one in life.events(SIGHTINGS, "FILL_CONFIRMED")][-1] is False


def test_s4_the_waiting_room_is_empty_when_all_is_settled_and_what_is_too_much_is_settled_early() -> None:
    life = DetectorFixture(CONFIRMED)
    life.show("chain_logs", *range(1, 8))

    early = PendingConfirmations(life.redis, life.rule.within_ms, most=5).due_sightings(life.clock.now_ms())
    life.publisher.decide_overdue(early)
    assert len(life.signals) == 2
    life.time_passes()

    assert len(life.signals) == 7
    assert (life.redis.exists(WAITING), life.redis.exists(WAITING_DUE)) == (0, 0)


def test_an_entry_that_nobody_can_read_does_not_hold_up_the_others() -> None:
    life = DetectorFixture(CONFIRMED)
    life.show("chain_logs", 1)
    cast("Any", life.redis).hset(WAITING, "bad", "{nonsense")
    cast("Any", life.redis).zadd(WAITING_DUE, {"bad": 1, "gone": 2})

    life.time_passes()

    assert len(life.signals) == 1
    assert life.redis.exists(WAITING_DUE) == 0


def test_confirmations_of_several_fills_that_are_settled_together_are_all_recorded() -> None:
    life = DetectorFixture(CONFIRMED)
    life.show("data_api", 1, 2, 3)
    life.time_passes()

    life = life.again()
    life.show("chain_logs", 1, 2, 3)
    life.time_passes()

    assert [found[0] for found in life.confirmations] == ["chain_logs"] * 3


@pytest.mark.pitfall(11)
def test_a_reorganisation_cancels_what_waits_and_nobody_signals_it_any_more() -> None:
    life = DetectorFixture(CONFIRMED)
    life.show("chain_logs", 1, 2)
    gone = PlacedFill(1000, (a_fill(1_000_000, 500_000, tx_hash=tx(1)),))

    for _ in range(2):
        assert Retraction(life.redis, life.clock)(gone, "chain_logs", "removed") == 0
    for later in (life, life.again()):
        later.show("data_api", 1)
        later.time_passes()

    assert [signal["tx_hash"] for signal in life.signals] == [tx(2)]
    (dropped,) = life.events(SIGHTINGS, "SIGNAL_DROPPED")
    assert (dropped["tx_hash"], dropped["reason"]) == (tx(1), "removed")
    assert life.redis.exists(WAITING) == 0


@pytest.mark.pitfall(11)
def test_what_was_confirmed_before_a_reorganisation_is_retracted() -> None:
    life = DetectorFixture(CONFIRMED)
    life.show("chain_logs", 1)
    life.show("data_api", 1)

    gone = PlacedFill(1000, (a_fill(1_000_000, 500_000, tx_hash=tx(1)),))

    assert Retraction(life.redis, life.clock)(gone, "chain_logs", "removed") == 1
    assert life.events(SIGHTINGS, "SIGNAL_DROPPED") == []


class Died(BaseException):
    """The process is gone."""


class Mortal(fakeredis.FakeRedis):
    """A connection whose process dies at one command: just before it, or just after."""

    left, after = 0, False

    def execute_command(self, *args: Any, **options: Any) -> Any:
        self.left -= 1
        if self.left == 0 and not self.after:
            raise Died
        answer: Any = cast("Any", super()).execute_command(*args, **options)
        if self.left == 0:
            raise Died
        return answer


def lived(server: fakeredis.FakeServer, dies_at: int, *, after: bool) -> bool:
    """Live until both sources showed a fill and its time is over; return whether death came before that."""
    redis = Mortal(server=server, decode_responses=True)
    life = DetectorFixture(CONFIRMED, cast("Redis", redis))
    redis.left, redis.after = dies_at, after
    try:
        life.show("chain_logs", 1)
        life.show("data_api", 1)
        life.time_passes()
    except Died:
        return True
    return False


@pytest.mark.parametrize("after", [False, True])
def test_a_process_that_dies_at_any_command_leaves_what_waits_to_the_next_which_signals_it_once(*, after: bool) -> None:
    """The next life reads again only what no cursor has passed: what waits must be in the room by then."""
    deaths = 0
    while True:
        server = fakeredis.FakeServer()
        died = lived(server, deaths + 1, after=after)
        life = DetectorFixture(CONFIRMED, cast("Redis", fakeredis.FakeRedis(server=server, decode_responses=True)))
        for source in ("chain_logs", "data_api"):
            if not cast("Any", life.redis).hexists(CURSORS, f"{source}:{LEADER}"):
                life.show(source, 1)
        life.time_passes()
        assert [signal["tx_hash"] for signal in life.signals] == [tx(1)], f"died at command {deaths + 1}"
        if not died:
            break
        deaths += 1
    assert deaths > 5


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(SOURCES), st.lists(st.integers(1, 4), min_size=1, max_size=4, unique=True)),
        st.tuples(st.just("restart"), st.just([])),
        st.tuples(st.just("time"), st.just([])),
        st.tuples(st.just("other detector"), st.just([])),
    ),
    max_size=14,
)


@pytest.mark.slow
@settings(max_examples=35, deadline=None)
@given(steps=STEPS, rule=st.sampled_from([EmitRule(), CONFIRMED, DROPPING]))
def test_any_order_restarts_and_duplicates_make_at_most_one_signal_and_lose_none(
    steps: list[tuple[str, list[int]]], rule: EmitRule
) -> None:
    lives = [DetectorFixture(rule)]
    lives.append(lives[0].again())
    shown: dict[int, set[str]] = {}

    for act, numbers in steps:
        if act == "restart":
            lives[0] = lives[0].again()
        elif act == "time":
            lives[0].time_passes()
        elif act == "other detector":
            lives.reverse()
        else:
            lives[0].show(act, *numbers)
            for number in numbers:
                shown.setdefault(number, set()).add(act)
    lives[0].time_passes()

    signalled = Counter(signal["tx_hash"] for signal in lives[0].signals)
    dropped = Counter(one["tx_hash"] for one in lives[0].events(SIGHTINGS, "SIGNAL_DROPPED"))
    assert signalled + dropped == Counter(tx(number) for number in shown)
    assert not dropped or rule.drop
    confirmed = Counter((one["signal_id"], one["source"]) for one in lives[0].events(SIGHTINGS, "FILL_CONFIRMED"))
    assert max(confirmed.values(), default=1) == 1
    for signal in lives[0].signals:
        witnesses = {by["source"] for by in signal["seen_by"]}
        witnesses |= {source for one, source in confirmed if one == signal["id"]}
        sources = shown[next(number for number in shown if tx(number) == signal["tx_hash"])]
        assert witnesses == sources
        assert signal["emitted_by"] != "confirmed" or len(signal["seen_by"]) > 1
