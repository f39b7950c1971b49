"""One order of writes: the journal, the settlement, the adoption and a run post the same money for the same order."""

import threading

import pytest
from msgspec.structs import replace

from backtest.simulation.run_journal import RunJournal, RunLedger
from buyer.domain.ledger_scope import scope_of_draft
from buyer.execution.decision_text import decision_text
from buyer.execution.intent_codec import read_open_order
from buyer.execution.journal import Journal
from buyer.execution.order_writes import adopted_write, decision_write, ending_write, filled_write, settled_write
from shared.domain.ledger_accounts import Postings
from shared.domain.ledger_write import Balances, LedgerRecord, LedgerWrite, Result
from shared.domain.market import Side
from shared.domain.record_kinds import INTENTS, LOTS, ORDERS, SIGNED
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision, Inputs, Order, OrderState, Outcome, RuleResult
from shared.messages.events import write_event
from tests.amounts import D
from tests.buyer.builders import LEADER, NOW_MS, TOKEN, a_book, a_market, a_portfolio, some_limits

CASH_BEFORE = 1_000_000_000


class WritesOf(MemoryLedger):
    """A ledger that keeps every step it was asked for."""

    def __init__(self) -> None:
        super().__init__({"cash": CASH_BEFORE})
        self.writes: list[LedgerWrite] = []

    def commit(self, write: LedgerWrite) -> Result:
        self.writes.append(write)
        return super().commit(write)


class RunWrites(RunLedger):
    """The same of a run's ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.values["cash"] = CASH_BEFORE
        self.writes: list[LedgerWrite] = []

    def commit(self, write: LedgerWrite) -> Result:
        self.writes.append(write)
        return super().commit(write)


def an_order(side: Side = "BUY") -> Order:
    return Order(
        id=fact_id("order", "s1"),
        signal_id="s1",
        token_id=TOKEN,
        condition_id=a_market().condition_id,
        leader=LEADER,
        side=side,
        shares=D(10),
        limit_price=D("0.5"),
        budget=D("5.2") if side == "BUY" else D(0),
    )


def an_outcome(state: OrderState = "MATCHED", shares: str = "10") -> Outcome:
    filled = D(shares)
    return Outcome(state=state, shares=filled, usdc=filled // 2, fee=D("0.1") if filled else D(0), reason="filled")


def a_decision(side: Side, mode: str, outcome: Outcome | None = None) -> BuyEngineDecision:
    return BuyEngineDecision(
        id=fact_id("decision", "s1"),
        emitted_at_ms=NOW_MS,
        signal_id="s1",
        leader=LEADER,
        token_id=TOKEN,
        mode="live" if mode == "live" else "paper",
        verdict=side,
        reason="followed",
        rules=(),
        order=an_order(side),
        outcome=outcome,
        inputs=Inputs(
            now_ms=NOW_MS,
            market=a_market(),
            book=a_book(),
            portfolio=a_portfolio(lot_shares=D(20), lot_cost=D(8)) if side == "SELL" else a_portfolio(),
        ),
    )


def money_of(writes: list[LedgerWrite]) -> list[tuple[object, ...]]:
    """Return all of each step but texts, events and what only a crash would need."""
    return [
        (
            write.id,
            write.postings,
            write.tallies,
            write.peaks,
            write.guards,
            tuple(record for record in write.records if record.kind not in (INTENTS, SIGNED)),
        )
        for write in writes
    ]


def total(postings: Postings) -> dict[str, int]:
    found: dict[str, int] = {}
    for account, delta in postings:
        found[account] = found.get(account, 0) + delta
    return {account: delta for account, delta in found.items() if delta}


@pytest.mark.parametrize("side", ["BUY", "SELL"])
def test_a_run_posts_what_the_journal_posts(side: Side) -> None:
    ledger, run = WritesOf(), RunWrites()
    draft, outcome = a_decision(side, "paper"), an_outcome()
    scope = scope_of_draft(draft)

    for journal in (Journal(ledger, lambda: None), RunJournal(run)):
        journal.write(journal.intent(draft, an_order(side), scope, some_limits()), at_turn=True)
        journal.conclude(replace(draft, outcome=outcome), scope, a_market())

    assert money_of(ledger.writes) == money_of(run.writes)
    assert [write.id for write in run.writes] == ["intent:s1", "decision:s1"]


def test_a_live_order_that_settles_posts_what_it_would_have_posted_at_once() -> None:
    """Filled at once, or matched first and confirmed later: in the end the ledger holds the same."""
    at_once = filled_write(
        a_decision("BUY", "paper", an_outcome()),
        an_order(),
        an_outcome(),
        scope_of_draft(a_decision("BUY", "paper")),
        a_market(),
    )
    matched = a_decision("BUY", "live", an_outcome())
    later = settled_write(matched, an_outcome("CONFIRMED"), None)

    assert total((*decision_write(matched).postings, *later.postings)) == total(at_once.postings)
    assert [record for record in later.records if record.kind == LOTS] == [
        record for record in at_once.records if record.kind == LOTS
    ]


def test_an_order_that_came_to_nothing_gives_back_its_whole_budget() -> None:
    matched = a_decision("BUY", "live", an_outcome())
    settled = settled_write(matched, an_outcome("FAILED", "0"), None)

    assert dict(settled.postings)["cash"] == an_order().budget
    assert settled.records == (LedgerRecord(ORDERS, an_order().id, None),)


def test_a_sell_settles_on_the_lot_as_it_stands_and_only_while_it_does() -> None:
    matched = a_decision("SELL", "live", an_outcome())
    shares, cost = f"shares:{LEADER}:{TOKEN}", f"cost:{LEADER}:{TOKEN}"
    lot = Balances(7, {shares: D(30), cost: D(8)}, frozenset(), {})

    settled = settled_write(matched, an_outcome("CONFIRMED"), lot)

    assert settled.expected_seq == 7
    assert total(settled.postings)[cost] == -D(2), "10 of 40 shares cost a quarter of the lot's 8"


@pytest.mark.parametrize("decided", [False, True])
def test_an_adopted_fill_reserves_what_an_intent_would_have(decided: bool) -> None:  # noqa: FBT001 - a parameter
    found, order = a_decision("BUY", "live", an_outcome()), an_order()
    ledger = WritesOf()
    journal = Journal(ledger, lambda: None)
    journal.write(journal.intent(a_decision("BUY", "live"), order, scope_of_draft(found), some_limits()), at_turn=True)

    done = frozenset({"decision:s1"} if decided else ())
    adopted = adopted_write(found, order, an_outcome(), Balances(0, {}, done, {}))

    assert adopted.postings == ledger.writes[0].postings
    assert adopted.id == ("adopted:" + order.id if decided else "decision:s1")
    assert len(adopted.events) == (1 if decided else 2)


def test_an_open_order_is_kept_without_the_rules_that_its_decision_tells() -> None:
    rule = RuleResult(rule="cash", passed=True, value="1", limit="0")
    decision = replace(a_decision("BUY", "live", an_outcome()), rules=(rule,))

    write = ending_write(decision, scope_of_draft(decision), a_market(), None)

    (kept,) = [record.value for record in write.records if record.kind == ORDERS]
    assert read_open_order(str(kept)) == replace(decision, rules=())
    assert [event for _, event in write.events if isinstance(event, BuyEngineDecision)] == [decision]
    assert write.texts == {decision.id: write_event(decision)}


def test_an_open_order_of_before_is_read_with_its_rules() -> None:
    rule = RuleResult(rule="cash", passed=True, value="1", limit="0")
    decision = replace(a_decision("BUY", "live", an_outcome()), rules=(rule,))

    assert read_open_order(write_event(decision)) == decision


def test_a_text_that_one_thread_wrote_is_there_for_another() -> None:
    decision, texts = a_decision("BUY", "live"), list[str]()

    writer = threading.Thread(target=lambda: texts.append(decision_text(decision)))
    writer.start()
    writer.join()

    assert decision_text(decision) is texts[0]


def test_a_decisions_text_is_its_one_form_whatever_was_written_before() -> None:
    first = a_decision("BUY", "live")
    second = replace(first, reason="another")

    texts = [decision_text(decision) for decision in (first, second, first)]

    assert texts == [write_event(decision) for decision in (first, second, first)]


def test_the_same_decision_has_the_same_text_again() -> None:
    decision = a_decision("BUY", "live")

    assert decision_text(decision) is decision_text(decision)
