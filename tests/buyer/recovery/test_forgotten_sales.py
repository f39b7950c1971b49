"""Sales that only the chain knows of: whose lot each of them sold."""

import pytest
from msgspec.structs import replace

from buyer.domain.chain_fills import ChainFill
from buyer.execution.journal import Journal
from buyer.recovery.chain_reconciliation import rebuilt_intent
from buyer.recovery.fill_adoption import FillAdoption
from buyer.settlement.writer import SettlementWriter
from shared.domain.market import Side
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import open_lots
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_market

OTHER = "0x" + "d" * 40


class ForgottenFills:
    """A ledger that adopts fills one by one, and ends them when told to."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        Journal(self.ledger, lambda: None).deposit(100_000_000)
        self.adoption = FillAdoption(self.ledger, lambda: None)
        self._open: list[BuyEngineDecision] = []

    def adopt(self, name: str, side: Side, shares: int, leader: str = LEADER) -> None:
        hash_of = "0x" + fact_id("hash", name)
        fill = ChainFill(hash_of, fact_id("signal", name), TOKEN, side, shares, shares // 2, 100)
        decision = rebuilt_intent(fill, a_market(), leader, NOW_MS)
        self.adoption.adopt(decision)
        self._open.append(decision)

    def end_all(self) -> None:
        writer = SettlementWriter(self.ledger, lambda: None)
        for decision in self._open:
            assert decision.outcome
            assert writer.settle(decision, replace(decision.outcome, state="CONFIRMED"))
        self._open.clear()

    def seller(self, shares: int, leader: str = LEADER) -> str | None:
        return self.adoption.seller_of(TOKEN, shares, leader)


@pytest.mark.pitfall(50)
def test_the_shares_of_a_lot_explain_one_forgotten_sale_only() -> None:
    fills = ForgottenFills()
    fills.adopt("buy", "BUY", 10_000_000)
    fills.end_all()
    assert fills.seller(10_000_000) == LEADER

    fills.adopt("first sale", "SELL", 10_000_000)

    assert fills.seller(10_000_000) is None, "the first has not ended"
    fills.end_all()
    assert fills.seller(10_000_000) == "", "nothing is left of the lot"
    assert open_lots(fills.ledger) == []


@pytest.mark.pitfall(50)
def test_two_forgotten_sales_of_one_lot_are_both_its_own_where_it_holds_both() -> None:
    fills = ForgottenFills()
    fills.adopt("buy", "BUY", 10_000_000)
    fills.end_all()
    fills.adopt("first sale", "SELL", 4_000_000)
    assert fills.seller(6_000_000) == LEADER

    fills.adopt("second sale", "SELL", 6_000_000)
    fills.end_all()

    assert open_lots(fills.ledger) == []


@pytest.mark.pitfall(50)
def test_a_forgotten_sale_of_an_exit_that_names_no_leader_is_of_the_lot_that_holds_so_much() -> None:
    fills = ForgottenFills()
    fills.adopt("buy", "BUY", 3_000_000)
    fills.adopt("other buy", "BUY", 10_000_000, OTHER)
    fills.end_all()

    assert fills.seller(8_000_000, "0x" + "0" * 40) == OTHER
