"""The emit rule under crashes, restarts and duplicates in any order: at most one signal, none lost."""

from collections import Counter
from typing import Any, cast

import fakeredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from detector.domain.emit_rule import EmitRule
from detector.polling.cursors import CURSORS
from shared.domain.witnesses import is_corroborated
from shared.messages.base import SIGHTINGS
from tests.detector.builders import LEADER, tx
from tests.detector.publishing.detector_fixture import CONFIRMED, DROPPING, SOURCES, WITHIN_S, DetectorFixture

pytestmark = pytest.mark.slow
CORROBORATED = EmitRule(corroborated=True, within_ms=WITHIN_S * 1000)


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
    detector = DetectorFixture(CONFIRMED, cast("Redis", redis))
    redis.left, redis.after = dies_at, after
    try:
        detector.show("chain_logs", 1)
        detector.show("data_api", 1)
        detector.time_passes()
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
        detector = DetectorFixture(CONFIRMED, cast("Redis", fakeredis.FakeRedis(server=server, decode_responses=True)))
        for source in ("chain_logs", "data_api"):
            if not cast("Any", detector.redis).hexists(CURSORS, f"{source}:{LEADER}"):
                detector.show(source, 1)
        detector.time_passes()
        assert [signal["tx_hash"] for signal in detector.signals] == [tx(1)], f"died at command {deaths + 1}"
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
@given(steps=STEPS, rule=st.sampled_from([EmitRule(), CONFIRMED, DROPPING, CORROBORATED]))
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
    for signal in lives[0].signals if rule.corroborated else ():
        believed = is_corroborated([seen["source"] for seen in signal["seen_by"]], nodes=2)
        assert believed is (signal["emitted_by"] != "unconfirmed")
    confirmed = Counter((one["signal_id"], one["source"]) for one in lives[0].events(SIGHTINGS, "FILL_CONFIRMED"))
    assert max(confirmed.values(), default=1) == 1
    for signal in lives[0].signals:
        witnesses = {by["source"] for by in signal["seen_by"]}
        witnesses |= {source for one, source in confirmed if one == signal["id"]}
        sources = shown[next(number for number in shown if tx(number) == signal["tx_hash"])]
        assert witnesses == sources
        assert signal["emitted_by"] != "confirmed" or len(signal["seen_by"]) > 1
