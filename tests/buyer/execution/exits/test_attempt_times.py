"""Exits wait by a clock that never runs backwards: one that is set back an hour delays none."""

import pytest

from shared.clock import ManualClock
from tests.buyer.builders import NOW_MS, a_book, a_signal
from tests.buyer.execution.exits.selling_desk import Selling

pytestmark = pytest.mark.pitfall(54)


class SteppedClock(ManualClock):
    """A clock whose wall time can be set apart from the time that passes."""

    apart_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.apart_ms


class Stepped(Selling):
    """A desk with an exit under way that nobody buys yet."""

    def __init__(self) -> None:
        self.stepped = SteppedClock(NOW_MS)
        self.clock = self.stepped
        super().__init__()
        self.prices.next_book = a_book(bids=())
        self.engine.process_actionable(a_signal(side="SELL", tx_hash="0x" + "9a" * 32))
        for _ in range(6):
            self.turn(2)

    def set_back(self, seconds: int) -> None:
        self.stepped.apart_ms -= seconds * 1000
        self.prices.next_book = a_book()


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_wall_clock_that_is_set_delays_no_exit_by_more_than_its_longest_wait(seconds: int, restarts: object) -> None:
    desk = Stepped()
    desk.set_back(seconds)
    if restarts:
        desk.restart()

    for _ in range(61):
        desk.turn(1)

    assert desk.shares == 0
