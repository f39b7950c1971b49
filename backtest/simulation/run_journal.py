"""The journal and the ledger of a run: the buyer's own order of writes, without texts that nobody reads."""

from buyer.domain.ledger_scope import LedgerNames, LedgerScope, portfolio_of
from buyer.execution.journal import Journal, SignalStatus
from buyer.execution.order_writes import decision_write, filled_write, intent_write
from buyer.strategy.limits import TradingLimits
from shared.domain.ledger_write import LedgerWrite, Result, StreamAck
from shared.domain.market import MarketFacts
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.decisions import BuyEngineDecision, Order, Portfolio
from shared.messages.service import DeadLetter

UNDECIDED, DECIDED = SignalStatus(decided=False, intent=None), SignalStatus(decided=True, intent=None)


class RunLedger(MemoryLedger):
    """A ledger in memory that publishes nothing, so it does not grow with what happened."""

    def commit(self, write: LedgerWrite) -> Result:
        """Carry out one step, without its events."""
        result = super().commit(write)
        self.events.clear()
        return result

    def portfolio(self, scope: LedgerScope) -> Portfolio:
        """Return what a decision sees, of the balances themselves: no copy, and no record is written and read again."""
        kept = self._records
        found = {key: kept[key[0]][key[1]] for key in scope.names.records if key[1] in kept[key[0]]}
        return portfolio_of(scope, self.seq, self.values, found)

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
        self._portfolios: dict[LedgerNames, Portfolio] = {}

    def status_and_balances(
        self, signal_id: str, scope: LedgerScope, *, ask: bool = True
    ) -> tuple[SignalStatus, Portfolio]:
        """Return what happened to this signal before, and the balances: those of before while nothing was written."""
        del ask
        if self._seq != self._run.seq:
            self._seq = self._run.seq
            self._portfolios.clear()
        status = DECIDED if self._run.knows(f"decision:{signal_id}") else UNDECIDED
        portfolio = self._portfolios.get(scope.names)
        if portfolio is None:
            portfolio = self._run.portfolio(scope)
            timed = (portfolio.gathered, portfolio.staked, portfolio.left)
            if timed == (None, None, None):  # each counts for a time only
                self._portfolios[scope.names] = portfolio
        return status, portfolio

    def intent(
        self, draft: BuyEngineDecision, order: Order, scope: LedgerScope, limits: TradingLimits, signed: str = ""
    ) -> LedgerWrite:
        """Return the step that reserves the budget; nobody will have to finish the intent, so it holds no text."""
        del signed
        return intent_write(draft, order, scope, limits)

    def ending(
        self,
        decision: BuyEngineDecision,
        scope: LedgerScope | None = None,
        facts: MarketFacts | None = None,
        ack: StreamAck | None = None,
        letter: DeadLetter | None = None,
    ) -> LedgerWrite:
        """Return the step that posts the outcome."""
        del ack, letter
        order, outcome = decision.order, decision.outcome
        if order is None or outcome is None or scope is None or facts is None:
            return decision_write(decision)
        return filled_write(decision, order, outcome, scope, facts)
