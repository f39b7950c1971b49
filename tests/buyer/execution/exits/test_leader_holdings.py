"""A leader's position is asked once for each lot, and raises what stands behind it; it never lowers that."""

import queue
import threading

import pytest

from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.exits.leader_holdings import LeaderHoldings
from shared.domain.errors import Unavailable
from shared.domain.ledger_accounts import Lot, behind_account
from shared.domain.ledger_write import FencingToken
from shared.domain.money import Shares
from tests.amounts import D
from tests.buyer.builders import LEADER, TOKEN, a_signal
from tests.buyer.execution.executor_desk import Desk

pytestmark = pytest.mark.pitfall(46)


class Asking(Desk):
    """A desk that follows one buy, and asks what the leader holds when it is told to."""

    def __init__(self, held: str, fails: int = 0) -> None:
        super().__init__()
        self.asked: list[Lot] = []
        self._held, self._fails = held, fails
        self.holdings = LeaderHoldings(self._ask, self.clock, threading.Event())
        self.holdings._thread = threading.current_thread()  # this one answers
        tasks = ExitStore(self.ledger, lambda: FencingToken("lease", "1"))
        self.exits = ExitManager(
            self.engine, tasks, self.prices, clock=self.clock, limits=self.limits, holdings=self.holdings
        )
        self.engine.process_actionable(a_signal())

    def _ask(self, lot: Lot) -> Shares:
        self.asked.append(lot)
        if len(self.asked) <= self._fails:
            raise Unavailable("the Data API is away")
        return D(self._held)

    def turns(self, number: int) -> int:
        for _ in range(number):
            self.clock.advance(2)
            self.exits.work_due()
            try:
                self.holdings.answer_next()
            except queue.Empty:
                continue
        return self.ledger.values[behind_account(LEADER, TOKEN)]


def test_what_he_held_before_counts_from_the_lots_first_sight() -> None:
    desk = Asking("5000")

    assert desk.turns(4) == D(5000)
    assert len(desk.asked) == 1


def test_a_list_that_lags_takes_nothing_from_what_we_saw_him_buy() -> None:
    assert Asking("20").turns(4) == D(100)


def test_one_that_nobody_can_tell_is_asked_again() -> None:
    desk = Asking("700", fails=2)

    assert desk.turns(6) == D(700)
    assert len(desk.asked) == 3
