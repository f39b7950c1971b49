"""A desk that holds lots and sells them: what tests of exits begin with."""

from typing import Any

from msgspec.structs import replace

from buyer.execution.exit_manager import ExitManager
from buyer.execution.exit_store import ExitStore
from buyer.execution.journal import Journal
from shared.domain import ledger_accounts
from shared.domain.ledger_write import FencingToken
from shared.domain.record_kinds import EXITS
from tests.buyer.builders import (
    LEADER,
    TOKEN,
    a_book,
    a_signal,
    some_limits,
)
from tests.buyer.execution.executor_desk import Desk

KEY = f"{LEADER}:{TOKEN}"


class Selling(Desk):
    """A desk that has bought 9.61 shares, with its exits."""

    def __init__(self, **limits: Any) -> None:
        super().__init__(limits=some_limits(**limits))
        self.engine.process_actionable(a_signal())
        self.prices.next_book = a_book()

    def restart(self, journal: Journal | None = None) -> None:
        super().restart(journal)
        tasks = ExitStore(self.ledger, lambda: FencingToken("lease", "1"))
        self.exits = ExitManager(self.engine, tasks, self.prices, clock=self.clock, limits=self.limits)

    def turn(self, seconds: float = 61) -> None:
        """Let time pass, see the same book anew, and take a turn."""
        self.clock.advance(seconds)
        if self.prices.next_book is not None:
            self.prices.next_book = replace(self.prices.next_book, at_ms=self.clock.now_ms())
        self.exits.work_due()

    @property
    def tasks(self) -> dict[str, str]:
        return self.ledger.records(EXITS)

    @property
    def shares(self) -> int:
        return self.ledger.values.get(ledger_accounts.shares_account(LEADER, TOKEN), 0)
