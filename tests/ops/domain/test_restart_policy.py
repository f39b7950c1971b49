"""When a program that ended is started again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.domain.restart_policy import RestartAgain, RestartBackoff, RestartDone, RestartHalt, after_exit
from shared.domain import exit_codes

BACKOFF = RestartBackoff(first_s=0.5, factor=2, most_s=30, steady_s=60)


def test_work_that_is_done_is_left() -> None:
    assert after_exit(exit_codes.CLEAN, ran_s=5, crashes=0, backoff=BACKOFF) == RestartDone()


@pytest.mark.parametrize("code", [exit_codes.BAD_CONFIG, exit_codes.DEPENDENCY_MISSING, exit_codes.REFUSED_FOR_SAFETY])
def test_what_only_the_operator_can_fix_stops_everything(code: int) -> None:
    assert after_exit(code, ran_s=0.1, crashes=0, backoff=BACKOFF) == RestartHalt(code)


@pytest.mark.parametrize("code", [exit_codes.CRASH, -9, -11, 120])
def test_a_crash_or_a_kill_is_started_again(code: int) -> None:
    assert after_exit(code, ran_s=5, crashes=0, backoff=BACKOFF) == RestartAgain(0.5, crashes=1)


def test_the_pause_grows_with_each_crash() -> None:
    pauses = [after_exit(exit_codes.CRASH, ran_s=1, crashes=crashes, backoff=BACKOFF) for crashes in range(4)]

    assert pauses == [RestartAgain(0.5, 1), RestartAgain(1, 2), RestartAgain(2, 3), RestartAgain(4, 4)]


def test_a_minute_of_work_forgets_earlier_crashes() -> None:
    assert after_exit(exit_codes.CRASH, ran_s=60, crashes=9, backoff=BACKOFF) == RestartAgain(0.5, crashes=1)


@given(st.integers(0, 10**9))
def test_the_pause_has_a_limit(crashes: int) -> None:
    verdict = after_exit(exit_codes.CRASH, ran_s=1, crashes=crashes, backoff=BACKOFF)

    assert isinstance(verdict, RestartAgain)
    assert verdict.after_s <= BACKOFF.most_s
