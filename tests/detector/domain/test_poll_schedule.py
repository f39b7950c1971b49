"""Who is polled next."""

from detector.domain.poll_schedule import MOST_PAUSE_S, PollPace, PollSchedule


def test_the_scope_that_waited_longest_goes_first() -> None:
    schedule = PollSchedule(["a", "b", "c"], PollPace(10), now=0)
    order: list[str | None] = []

    for now in range(6):
        scope = schedule.next_scope(now)
        order.append(scope)
        if scope:
            schedule.finish_poll(scope, now)

    assert order == ["a", "b", "c", None, None, None]
    assert [schedule.next_scope(12), schedule.next_scope(12), schedule.next_scope(12)] == ["a", "b", "c"]


def test_a_scope_in_flight_is_not_handed_out_again() -> None:
    schedule = PollSchedule(["a"], PollPace(1), now=0)

    assert schedule.next_scope(0) == "a"
    assert schedule.next_scope(100) is None
    assert schedule.wait_s(100) == 1


def test_a_scope_that_is_refused_rests_longer_and_recovers_at_once() -> None:
    schedule = PollSchedule(["a"], PollPace(2), now=0)
    rests: list[float] = []

    now = 0.0
    for _ in range(7):
        schedule.next_scope(now)
        schedule.finish_poll("a", now, refused=True)
        rests.append(schedule.wait_s(now))
        now += rests[-1]
    schedule.next_scope(now)
    schedule.finish_poll("a", now)

    assert rests == [4, 8, 16, 32, MOST_PAUSE_S, MOST_PAUSE_S, MOST_PAUSE_S]
    assert schedule.wait_s(now) == 2


def test_a_slow_budget_is_shared_fairly() -> None:
    schedule = PollSchedule([str(n) for n in range(10)], PollPace(1), now=0)
    polls: dict[str, int] = {}

    for now in range(100):
        scope = schedule.next_scope(now)
        assert scope is not None
        polls[scope] = polls.get(scope, 0) + 1
        schedule.finish_poll(scope, now)

    assert set(polls.values()) == {10}
