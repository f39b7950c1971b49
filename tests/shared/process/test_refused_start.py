"""A refused program that stays hears the signal that stops it, whenever it comes."""

import queue

import pytest

from shared.domain import exit_codes
from shared.process.refused_start import stay_refused
from shared.process.shutdown_signals import Inbox, Interrupt, StopRequested


class WatchedInbox(Inbox):
    """An inbox that notes how long somebody waits at once; the signal is there at the fourth look."""

    def __init__(self) -> None:
        self.waits: list[float | None] = []

    def get(self, block: bool = True, timeout: float | None = None) -> Interrupt:  # noqa: FBT001, FBT002 - as it is called
        del block
        self.waits.append(timeout)
        if len(self.waits) < 4:
            raise queue.Empty
        return StopRequested("SIGTERM")


def test_no_wait_is_so_long_that_a_signal_right_before_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HYBRID_REFUSED_STAYS_S", "inf")
    inbox = WatchedInbox()

    stay_refused("buyer", exit_codes.BAD_CONFIG, inbox)

    assert inbox.waits == [1.0] * 4
