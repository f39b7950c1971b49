"""What no event tells: silent processes, sources that all fail, limits and the disk, the daily digest."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.alerts.domain.digest_message import DigestTime
from ops.alerts.domain.judge import AlertRules
from ops.alerts.domain.limit_messages import DAY_LOSS
from ops.alerts.domain.watch_state import WatchState, message_text, read_message, read_state, state_text
from tests.ops.alerts.alert_builders import HOUR_MS, NOW_MS, Judge, a_lost, a_message, a_report, a_turn, a_use

DAY_MS = 24 * HOUR_MS
MIDNIGHT_MS = NOW_MS - NOW_MS % DAY_MS


def test_a_silent_process_is_told_once_and_once_more_when_it_works_again() -> None:
    judge = Judge()

    (message,) = judge.look(lost=(a_lost(),))
    assert (message.kind, message.level, message.mode) == ("silent", "critical", "live")
    assert "buyer does not work" in message.title
    assert judge.look(NOW_MS + 5000, lost=(a_lost(words="dead, last heard 36 s ago"),)) == []

    (back,) = judge.look(NOW_MS + 9000, working=frozenset({"buyer"}))
    assert (back.level, back.title) == ("warning", "buyer works again")


def test_one_of_several_that_is_silent_says_that_another_works() -> None:
    (message,) = Judge().look(lost=(a_lost(),), working=frozenset({"buyer"}))

    assert "another one of its kind works" in message.body


def test_sources_are_told_when_all_fail_twice_in_a_row_and_when_one_sees_again() -> None:
    judge = Judge()

    assert judge.event(a_report("failing", "mute")) == []
    (message,) = judge.event(a_report("failing", "mute", number=2))
    assert (message.kind, message.level) == ("sources", "critical")
    assert "source-0 failing: no answer" in message.lines
    assert judge.event(a_report("failing", "mute", number=3)) == []
    (seeing,) = judge.event(a_report("failing", "ok", number=4))
    assert "source-1" in seeing.title


def test_one_source_that_sees_is_enough() -> None:
    judge = Judge()

    assert [judge.event(a_report("failing", "ok", number=number)) for number in range(5)] == [[]] * 5


def test_a_limit_is_told_at_80_and_at_100_percent_once_each() -> None:
    judge = Judge()

    told = [judge.look(limits=(a_use(used),)) for used in ("79.99", "80", "85", "100", "104")]

    assert [len(each) for each in told] == [0, 1, 0, 1, 0]
    assert "80%: 80.00 of 100.00 pUSD" in told[1][0].title
    assert (told[3][0].level, "buys are skipped" in told[3][0].body) == ("warning", True)


def test_a_limit_is_told_again_only_after_much_of_it_came_free() -> None:
    judge = Judge()

    told = [len(judge.look(limits=(a_use(used),))) for used in ("81", "79", "81", "69", "81")]

    assert told == [1, 0, 0, 0, 1]


def test_the_days_loss_at_its_limit_is_critical() -> None:
    (message,) = Judge().look(limits=(a_use("50", "50", name=DAY_LOSS),))

    assert (message.level, "nothing more is bought today" in message.body) == ("critical", True)


def test_a_limit_of_nothing_is_no_limit() -> None:
    assert Judge().look(limits=(a_use("5", "0"),)) == []


@given(st.lists(st.integers(0, 200), max_size=30))
def test_a_limit_never_tells_more_than_twice_without_coming_free(percents: list[int]) -> None:
    judge = Judge()

    told = [len(judge.look(limits=(a_use(str(max(71, percent))),))) for percent in percents]

    assert sum(told) <= 2


def test_a_full_disk_is_told_at_its_mark_and_when_it_is_nearly_full() -> None:
    judge = Judge()

    told = [len(judge.look(disk_pct=full, disk="/data")) for full in (89, 90, 91, 97, 98, 89, 90, 87, 90)]

    assert told == [0, 1, 0, 1, 0, 0, 0, 0, 1]


def test_a_disk_that_cannot_be_read_says_nothing() -> None:
    assert Judge().look(disk_pct=None) == []


def test_the_digest_comes_once_a_day_at_its_minute_of_its_zone() -> None:
    at = DigestTime(8 * 60, ZoneInfo("Europe/Berlin"))
    judge = Judge(AlertRules(digest=at))

    told = [judge.look(MIDNIGHT_MS + number * HOUR_MS, figures=("cash 5",)) for number in range(72)]

    hours = [number % 24 for number, each in enumerate(told) if each]
    assert hours == [6, 6, 6], "08:00 in Berlin in September is 06:00 UTC"


def test_a_start_after_the_digests_minute_waits_for_the_next_day() -> None:
    judge = Judge(AlertRules(digest=DigestTime(60)))

    assert judge.look(MIDNIGHT_MS + 12 * HOUR_MS) == []
    assert [message.kind for message in judge.look(MIDNIGHT_MS + 25 * HOUR_MS)] == ["digest"]


def test_the_digest_says_the_figures_what_was_told_and_who_does_not_work() -> None:
    judge = Judge(AlertRules(digest=DigestTime(60)))
    judge.look(MIDNIGHT_MS)
    judge.event(a_turn())
    judge.look(MIDNIGHT_MS + 1, lost=(a_lost(),))

    (digest,) = judge.look(MIDNIGHT_MS + HOUR_MS, lost=(a_lost(),), figures=("cash 5.00",), mode="live")

    assert digest.heading.startswith("[REAL MONEY]")
    assert "cash 5.00" in digest.body
    assert "1 killed, 1 silent" in digest.body
    assert "DOES NOT WORK" in digest.body


@pytest.mark.parametrize("events", [0, 3])
def test_what_is_remembered_is_read_again_as_it_was_written(events: int) -> None:
    judge = Judge()
    judge.look(lost=(a_lost(),), limits=(a_use("90"),), disk_pct=95)
    for number in range(events):
        judge.event(a_turn(id=f"c{number}"))

    assert read_state(state_text(judge.state)) == judge.state
    assert read_state(None) == WatchState()
    assert read_message(message_text(a_message())) == a_message()


def test_a_state_of_before_with_fewer_fields_is_read() -> None:
    assert read_state("{}") == WatchState()
