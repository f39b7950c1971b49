"""Tests wait for conditions, and the fast ones speak to nobody."""

import socket

import pytest

from tests.waiting import wait_until


def test_what_comes_in_the_end_is_waited_for() -> None:
    answers = iter([False, False, True])

    wait_until(lambda: next(answers))


def test_what_never_comes_is_named() -> None:
    with pytest.raises(AssertionError, match="still not: the second sighting"):
        wait_until(lambda: False, "the second sighting", seconds=0)


def test_a_test_of_the_fast_tier_that_connects_fails() -> None:
    """Loopback too: it must run where there is no network at all."""
    with socket.socket() as line, pytest.raises(pytest.fail.Exception, match="mark the test `sockets`"):
        line.connect(("127.0.0.1", 9))
