"""Adaptive polling: the bound holds, nobody starves, busy leaders are seen sooner."""

from itertools import pairwise
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.domain.poll_schedule import LEAST_NEWS, PollPace, PollSchedule

RATE = 10.0

pytestmark = pytest.mark.slow


def polls_of(schedule: PollSchedule, slots: int, rate: float, trades: dict[str, list[float]]) -> dict[str, list[float]]:
    """Give one poll each 1/rate s; each brings what was traded since the last; return when each scope was polled."""
    polls: dict[str, list[float]] = {}
    read = dict.fromkeys(trades, 0)
    for slot in range(slots):
        now = slot / rate
        scope = schedule.next_scope(now)
        if scope is None:
            continue
        polls.setdefault(scope, []).append(now)
        times = trades.get(scope, [])
        upto = sum(at <= now for at in times[read.get(scope, 0) :]) + read.get(scope, 0)
        schedule.finish_poll(scope, now, news=upto - read.get(scope, 0))
        read[scope] = upto
    return polls


def gaps(polls: list[float], ends: float) -> list[float]:
    times = [0.0, *polls, ends]
    return [later - earlier for earlier, later in pairwise(times)]


@st.composite
def crowds(draw: st.DrawFn) -> tuple[int, float, dict[str, list[float]]]:
    """Draw a number of leaders, a bound that the budget can hold, and who trades when."""
    count = draw(st.integers(1, 60))
    bound = count / RATE * draw(st.floats(1.2, 6)) + 1
    moments = st.lists(st.floats(0, 40), max_size=40)
    busy = draw(st.dictionaries(st.integers(0, count - 1).map(str), moments, max_size=10))
    return count, bound, {scope: sorted(times) for scope, times in busy.items()}


@settings(deadline=None, max_examples=40)
@given(crowds())
def test_nobody_waits_longer_than_the_bound_whoever_trades_when_the_budget_allows_it(
    crowd: tuple[int, float, dict[str, list[float]]],
) -> None:
    count, bound, trades = crowd
    names = [str(number) for number in range(count)]

    polls = polls_of(PollSchedule(names, PollPace(0.2, bound, RATE), 0), 500, RATE, trades)

    assert max(max(gaps(polls.get(name, []), 50)) for name in names) <= bound + 2 / RATE


@settings(deadline=None, max_examples=15)
@given(crowds(), st.floats(0.05, 0.9))
def test_where_the_budget_cannot_hold_the_bound_nobody_starves(
    crowd: tuple[int, float, dict[str, list[float]]], too_tight: float
) -> None:
    count, _, trades = crowd
    names = [str(number) for number in range(count)]
    bound = count / RATE * too_tight

    polls = polls_of(PollSchedule(names, PollPace(0.01, bound, RATE), 0), 600, RATE, trades)

    assert max(max(gaps(polls.get(name, []), 60)) for name in names) <= count / RATE / (1 - LEAST_NEWS) + 2


@settings(deadline=None, max_examples=15)
@given(crowds())
def test_the_same_past_gives_the_same_polls(crowd: tuple[int, float, dict[str, list[float]]]) -> None:
    count, bound, trades = crowd
    names = [str(number) for number in range(count)]

    first, second = (polls_of(PollSchedule(names, PollPace(0.2, bound, RATE), 0), 300, RATE, trades) for _ in range(2))

    assert first == second


def delays(pace: PollPace, trades: dict[str, list[float]], names: list[str]) -> list[float]:
    polls = polls_of(PollSchedule(names, pace, 0), 12_000, RATE, trades)
    found: list[float] = []
    for scope, times in trades.items():
        found += [next((poll for poll in polls[scope] if poll >= at), 3600.0) - at for at in times]
    return found


def test_eight_busy_among_two_hundred_quiet_are_seen_at_least_twice_as_soon_at_the_same_budget() -> None:
    busy = [f"busy-{number}" for number in range(8)]
    names = [*(f"quiet-{number}" for number in range(200)), *busy]
    trades = {name: [t * 17.3 % 1150 for t in range(number, 900, 8)] for number, name in enumerate(busy)}
    trades = {name: sorted(times) for name, times in trades.items()}
    trades["quiet-7"] = [1034.5]

    in_turn = median(delays(PollPace(3, 0, 0), trades, names))
    adaptive = delays(PollPace(3, 60, RATE), trades, names)

    assert 8 < in_turn < 12
    assert median(adaptive) < in_turn / 2
    assert max(adaptive) <= 60


def test_new_scopes_go_first_and_those_gone_are_forgotten_even_in_flight() -> None:
    schedule = PollSchedule(["a", "b"], PollPace(1), 0)
    assert schedule.next_scope(0) == "a"

    schedule.sync_scopes(["b", "new", "newer"], 0)
    schedule.finish_poll("a", 0)

    assert [schedule.next_scope(0) for _ in range(4)] == ["new", "newer", "b", None]
    assert len(schedule) == 3
