"""A decision carries the rules as they were judged, without an order waiting for them."""

import pytest
from msgspec.structs import replace

from buyer.strategy.rule_table import rules_of
from shared.domain.errors import OutcomeUnknown
from shared.domain.ledger_write import LedgerWrite, Result
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.events import write_event
from tests.amounts import D
from tests.buyer.builders import a_signal, some_limits
from tests.buyer.execution.executor_desk import Desk


class Noting(MemoryLedger):
    """Keeps every write."""

    def __init__(self) -> None:
        super().__init__({"cash": 1_000_000_000})
        self.writes: list[LedgerWrite] = []

    def commit(self, write: LedgerWrite) -> Result:
        self.writes.append(write)
        return super().commit(write)


def test_an_order_does_not_wait_for_the_rules_values_and_its_decision_has_them_all() -> None:
    written = Noting()
    desk = Desk(ledger=written)

    decision = desk.engine.process_actionable(a_signal())

    assert decision is not None
    intent, concluded = written.writes
    bare = replace(decision, outcome=None, rules=())
    assert intent.records[0].value == write_event(bare)
    assert concluded.texts == {decision.id: write_event(decision)}
    assert {rule.rule for rule in decision.rules} == set(rules_of("BUY", desk.limits))


def test_a_decision_finished_after_a_crash_has_the_rules_as_they_were_judged() -> None:
    whole = Desk().engine.process_actionable(a_signal())
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())

    desk.found = {a_signal().id: a_signal()}
    desk.restart()
    ((_, intent),) = desk.journal.open_intents().items()
    resumed = desk.engine.resume(intent)

    assert whole is not None
    assert resumed is not None
    assert resumed.rules == whole.rules
    assert all(rule.passed for rule in resumed.rules)


def test_rules_are_not_judged_again_by_other_limits_than_those_of_the_decision() -> None:
    desk = Desk()
    desk.venue.unknown = 1
    with pytest.raises(OutcomeUnknown):
        desk.engine.process_actionable(a_signal())

    desk.limits = some_limits(stake_usdc=D(7))
    desk.restart()
    again = desk.engine.process_actionable(a_signal())

    assert again is not None
    assert again.verdict == "BUY"
    assert again.rules == ()
