"""What a run writes: the ledger's steps and the journal's order of writes, without texts that nobody reads."""

from collections.abc import Sequence

from buyer.domain.decision_effects import followed_records, records_of, taken_gathered
from buyer.domain.ledger_scope import LedgerScope, portfolio_of
from buyer.domain.postings import counted_order, intent_guards, lot_of, reserve_postings, settle_postings
from buyer.execution.journal import NO_BALANCES, Journal
from buyer.execution.journal import KnownDecision as Before
from buyer.strategy.limits import TradingLimits
from shared.domain.ledger_accounts import peaks_of
from shared.domain.ledger_write import BalanceGuard, Balances, LedgerWrite, Result, StreamAck
from shared.domain.market import MarketFacts
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.port import lot_record
from shared.messages.decisions import BuyEngineDecision, Order, Portfolio
from shared.messages.service import DeadLetter

UNTOUCHED, DECIDED = Before(decided=False, intent=None), Before(decided=True, intent=None)


class RunBalances(dict[str, int]):
    """Accounts; one that nothing was posted to holds 0."""

    def __missing__(self, account: str) -> int:
        return 0


class RunLedger(MemoryLedger):
    """A ledger in memory that publishes nothing, so it does not grow with what happened."""

    def __init__(self) -> None:
        super().__init__()
        self.values = RunBalances()

    def commit(self, write: LedgerWrite) -> Result:
        """Carry out one step, without its events."""
        result = super().commit(write)
        self.events.clear()
        return result

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        """Return the balances themselves, not a copy: nobody keeps them beyond the step that reads them."""
        del accounts
        kept = self._records
        found = {key: text for key in records if (text := kept.get(key[0], {}).get(key[1])) is not None}
        return Balances(self.seq, self.values, frozenset(write for write in writes if write in self._done), found)

    def holds(self, kind: str) -> bool:
        """Say whether there are records of this kind."""
        return bool(self._records.get(kind))

    def knows(self, write_id: str) -> bool:
        """Say whether a step happened."""
        return write_id in self._done


class RunJournal(Journal):
    """The buyer's journal in a run, where no crash leaves an intent: it reads again only what moved."""

    def __init__(self, ledger: RunLedger) -> None:
        super().__init__(ledger, lambda: None)
        self._run = ledger
        self._seq = -1
        self._seen: dict[tuple[str, ...], Portfolio] = {}

    def look(self, signal_id: str, scope: LedgerScope, *, ask: bool = True) -> tuple[Before, Portfolio]:
        """Return what happened to this signal before, and the balances: those of before while nothing was written."""
        del ask
        if self._seq != self._run.seq:
            self._seq = self._run.seq
            self._seen.clear()
        before = DECIDED if self._run.knows(f"decision:{signal_id}") else UNTOUCHED
        known = self._seen.get(scope.key)
        if known is None:
            known = portfolio_of(scope, self._run.read((), (), scope.records))
            if known.gathered is None:  # what is gathered counts for a time only
                self._seen[scope.key] = known
        return before, known

    def intend(
        self, draft: BuyEngineDecision, order: Order, scope: LedgerScope, limits: TradingLimits, signed: str = ""
    ) -> Result:
        """Reserve the budget, unless a cap or the kill switch says no; nobody will have to finish the intent."""
        del signed
        write = LedgerWrite(
            id=f"intent:{draft.signal_id}",
            postings=reserve_postings(order, scope),
            tallies=counted_order(order, scope),
            guards=intent_guards(order, scope, limits, draft.inputs.portfolio),
            records=taken_gathered(draft),
        )
        return self._run.commit(write)

    def conclude(
        self,
        decision: BuyEngineDecision,
        scope: LedgerScope | None = None,
        facts: MarketFacts | None = None,
        ack: StreamAck | None = None,
        letter: DeadLetter | None = None,
    ) -> Result:
        """Post the outcome."""
        del ack, letter
        order, outcome, postings = decision.order, decision.outcome, followed_records(decision)
        write_id, records = f"decision:{decision.signal_id}", records_of(decision)
        if order is None or outcome is None or scope is None or facts is None:
            return self._run.commit(LedgerWrite(id=write_id, postings=postings, records=records))
        before = decision.inputs.portfolio or NO_BALANCES
        postings = (*postings, *settle_postings(order, outcome, scope, before))
        if order.side == "BUY" and outcome.shares > 0:
            records = (*records, lot_record(lot_of(order, facts, decision)))
        peaks = peaks_of(postings) if order.side == "SELL" else ()  # a buy realizes nothing
        guard = BalanceGuard(scope.amounts["lot_shares"], at_least=0)
        return self._run.commit(
            LedgerWrite(id=write_id, postings=postings, peaks=peaks, guards=(guard,), records=records)
        )
