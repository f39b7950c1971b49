"""One signal in, one decision out: the same code live, on paper and in replay."""

from collections.abc import Callable, Collection, Sequence
from functools import partial

from msgspec.structs import replace

from buyer.domain.ledger_scope import LedgerScope, scope_of
from buyer.domain.others_paid import AskedOthers, nobody_told
from buyer.execution.batches.order_steps import OrderSteps
from buyer.execution.batches.ready_step import Judged, ReadyStep
from buyer.execution.dead_letters import DeadLetters
from buyer.execution.decision_writer import BuyerIdentity, DecisionWriter, Emit
from buyer.execution.exits.other_side import SellFirst, never_first
from buyer.execution.intent_recovery import IntentRecovery
from buyer.execution.journal import Journal, LedgerMoved, SignalStatus
from buyer.execution.order_precedence import OrderPrecedence
from buyer.execution.order_pursuit import OrderPursuit
from buyer.execution.order_transit import OrderTransit
from buyer.execution.unresolved_orders import UnresolvedOrders
from buyer.execution.venue_port import PriceSource, Venue
from buyer.strategy.decision_context import DecisionContext, ExitContext
from buyer.strategy.exit_policy import DUST, order_fact
from buyer.strategy.exits.exit_triggers import TRIGGER
from buyer.strategy.limits import TradingLimits
from buyer.strategy.open_losses import NOTHING_LOST
from buyer.strategy.policy import PolicyDecision, decide_exit, decide_signal
from buyer.strategy.repeat_buys import OTHER_OUTCOME
from shared.clock import Clock
from shared.domain.ledger_write import StreamAck
from shared.domain.market import Book, MarketFacts
from shared.domain.money import Price, Shares
from shared.messages.decisions import (
    FLOOR,
    BuyEngineDecision,
    ExitTask,
    Inputs,
    OpenLosses,
    Portfolio,
    RuleResult,
)
from shared.messages.signals import ActionableSignal, FillRetracted
from shared.redis.streams import StreamEntry

Seen = tuple[MarketFacts | None, Book | None, Portfolio, TradingLimits, int, tuple[str, ...]]
"""What every case is made from, as of one moment: facts, book, balances, limits, the time, what is not known."""


class BuyExecutor:
    """Decides, and carries out what was decided, in the journal's order of writes.

    Every method may be called again for the same signal after a crash at any point: what happened is known from the
    journal, and only what is missing is done. Signals of different markets may be handled by several threads at once.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        prices: PriceSource,
        venue: Venue,
        clock: Clock,
        limits: TradingLimits,
        identity: BuyerIdentity,
        emit: Emit,
        signal_of: Callable[[str], ActionableSignal | None] = lambda _signal_id: None,
        transit: OrderTransit | None = None,
        writes: Callable[[Journal, BuyerIdentity, Emit], DecisionWriter] = DecisionWriter,
        in_wallet: Callable[[str], Shares | None] = lambda _token_id: None,
        losses: Callable[[str], OpenLosses] = lambda _leader: NOTHING_LOST,
        stood: Callable[[str, str], Price] = lambda _leader, _token_id: Price(0),
        others: Callable[[ActionableSignal], AskedOthers] = nobody_told,
        sell_first: SellFirst = never_first,
    ) -> None:
        """Build it.

        `signal_of` finds a signal again by its id, after a crash. With `transit` an order leaves and is concluded by
        whoever lets it arrive. `writes` makes what decisions are written by. `in_wallet` says how many shares of a
        token the wallet holds at most, while that is less than the lots; `losses` what open lots have lost: all of
        them, and those of a leader; `stood` what a share of a lot was worth for some seconds, 0 where nobody can tell;
        `others` what asks, of memory alone, what others paid for a signal's token; `sell_first` puts a buy off while
        the other outcome is sold.
        """
        self._journal, self._prices, self._venue = journal, prices, venue
        self._clock, self._limits, self._transit, self._in_wallet = clock, limits, transit, in_wallet
        self._losses, self._stood, self._others, self._sell_first = losses, stood, others, sell_first
        self.unresolved = UnresolvedOrders(clock)
        self._writer = writes(journal, identity, emit)
        self._precedence = OrderPrecedence(journal, self.unresolved, transit, live=identity.mode == "live")
        self._pursuit = OrderPursuit(journal, venue, clock, limits, transit)
        self._recovery = IntentRecovery(self._writer, self._pursuit, self.unresolved, limits, signal_of)
        self._orders = OrderSteps(journal, venue, self._writer, self._pursuit, self.unresolved, transit, self.resume)
        self._dead_letters = DeadLetters(journal, self._writer, self._recovery, self.unresolved, clock)

    @property
    def mode(self) -> str:
        """Say whose money it spends."""
        return self._writer.identity.mode

    def limits_of(self, leader: str) -> TradingLimits:
        """Return the limits that a leader's trades are decided by."""
        return self._limits.of(leader)

    def process_actionable(
        self, signal: ActionableSignal, ack: StreamAck | None = None, *, ask: bool = False
    ) -> BuyEngineDecision | None:
        """Decide on `signal` and carry the decision out; None when it was decided before, or its order is on its way.

        Unless told to `ask` the ledger, what is at hand will do first.

        Raises:
            Unavailable: Redis is away; hand the same signal in again later.
            Fenced: another buyer is active; stop.
            OutcomeUnknown: the order may stand; hand the same signal in again later.
            NotSettled: an order of its token is on its way or may stand; hand it in again when that has ended.
            RefusedForSafety: the outcome does not fit the ledger.
        """
        try:
            return self.carry_out(self.judge(signal, ack, ask=ask))
        except LedgerMoved:
            return self.carry_out(self.judge(signal, ack, ask=True))

    def judge(
        self,
        signal: ActionableSignal,
        ack: StreamAck | None = None,
        *,
        ask: bool = False,
        beside: Collection[str] = frozenset(),
    ) -> Judged:
        """Decide on `signal` and return its first step; or go on with what stands.

        Without `ask` balances at hand will do, and what follows the step raises LedgerMoved if they moved. Other
        steps may go out with it, in the order in which they were judged; a buy goes `beside` those that are under way
        with it. Raises as `process_actionable` does.
        """
        # Before the balances are read: what is on its way would change them.
        limits = self._limits.of(signal.leader)
        self._precedence.wait_for_orders(signal, ask=ask, beside=beside)
        others, selling = self._others(signal), signal.side == "SELL"
        status, scope, seen = self._observe(signal.id, signal.leader, signal.token_id, limits, ask=ask, selling=selling)
        if status.decided:
            self.unresolved.forget(signal.id)
            if ack:
                self._journal.acknowledge(signal.id, ack)
            return None
        if self._transit is not None:
            self._precedence.wait_for_transit(signal, seen[2])
        if status.intent:
            return self.resume(status.intent, status.signed, ack, signal)
        case = DecisionContext(*seen, signal, partial(self._losses, signal.leader), others)
        return self._decide(signal, case, scope, ack)

    def carry_out(self, judged: Judged) -> BuyEngineDecision | None:
        """Write one step after the other, each by itself, and do what follows it; raises as `process_actionable`."""
        while isinstance(judged, ReadyStep):
            judged = judged.then(self._journal.write(judged.write, at_turn=judged.at_turn))
        return judged

    def carry_out_all(self, steps: Sequence[ReadyStep]) -> None:
        """Write steps in one round trip and do what follows each; raises the first error, after all of them."""
        errors: list[Exception] = []
        answers = self._journal.write_each([one.write for one in steps], [one.at_turn for one in steps])
        for one, answer in zip(steps, answers, strict=True):
            try:
                self.carry_out(one.then(answer()))
            except Exception as error:  # noqa: BLE001 - raised below
                errors.append(error)
        if errors:
            raise errors[0]

    def resume(
        self, intent: str, signed: str = "", ack: StreamAck | None = None, signal: ActionableSignal | None = None
    ) -> BuyEngineDecision | None:
        """Finish an intent without an outcome; what was sent may stand, so it is looked for first.

        Raises:
            OutcomeUnknown: it may still stand; its token waits until it is asked for again.
        """
        return self._recovery.resume(intent, signed, ack, signal)

    def skip(
        self, signal: ActionableSignal | FillRetracted, reason: str, rules: tuple[RuleResult, ...] = ()
    ) -> BuyEngineDecision | None:
        """Conclude a signal (or the one that was retracted) that must not be followed.

        None when it was decided, or its order is under way.

        Raises:
            As `process_actionable` does.
        """
        before = self._journal.status_of(_names(signal)[0])
        if before.decided or before.intent:
            return None
        verdict = PolicyDecision("SKIP", reason, rules, None)
        decision = self._writer.compose(*_names(signal), verdict, Inputs(now_ms=self._clock.now_ms()), rules)
        try:
            return self._writer.conclude(decision, None, None, None)
        except LedgerMoved:  # an earlier look of this thread: nothing was looked at for this
            return self._writer.conclude(decision, None, None, None)

    def sell(self, task: ExitTask, *, tell: bool = True) -> str:
        """Try once to sell what an exit still has to sell; return the verdict's reason.

        An attempt that finds nothing to sell to leaves no decision behind: the task goes on. What is too little for the
        venue gets one, and ends the task, and so does one whose trigger does not hold any more; one that waits at its
        floor gets one where it is to `tell`. While an order of the lot can still fail nothing is tried.

        Raises:
            As `process_actionable` does; the same attempt must never be handed in again: its order may stand.
        """
        waits = self._precedence.blocker_of_exit(task)
        if waits:
            return f"order {waits} has not settled"
        limits = self._limits.of(task.leader)
        _, scope, seen = self._observe(order_fact(task), task.leader, task.token_id, limits)
        case = ExitContext(*seen, task)
        verdict = decide_exit(case)
        inputs, rules = self._writer.inputs_of(case), self._writer.told(verdict)
        draft = self._writer.compose(order_fact(task), task.leader, task.token_id, verdict, inputs, rules)
        if verdict.order is not None and case.market is not None:
            self.carry_out(self._orders.intent(draft, verdict, limits, scope, case.market, None, case.now_ms))
        elif {DUST: task.keep == 0, TRIGGER: True, FLOOR: tell}.get(verdict.reason):
            self._writer.conclude(draft, None, None, None)
        return verdict.reason

    def abandon(self, intent: str, signed: str, reason: str) -> BuyEngineDecision | None:
        """Give back what an intent reserved that cannot be carried out, unless the venue took its order.

        Raises:
            OutcomeUnknown: its order may still stand.
            Malformed: nobody can tell what it reserved; it stays reserved, so that every cap counts it.
        """
        return self._recovery.abandon(self._recovery.read(intent), signed, reason)

    def bury(self, entry: StreamEntry, reason: str, group: str = "buyer") -> BuyEngineDecision | None:
        """Give an entry nobody can handle its terminal decision, and keep it whole on the dead stream.

        Raises:
            OutcomeUnknown: an order of it may stand.
        """
        return self._dead_letters.bury(entry, reason, group)

    def _decide(
        self,
        signal: ActionableSignal,
        case: DecisionContext,
        scope: LedgerScope,
        ack: StreamAck | None,
    ) -> Judged:
        verdict, market = decide_signal(case), case.market
        if verdict.reason == OTHER_OUTCOME and market is not None:
            self._sell_first(signal, market, verdict.rules, case.limits)
        if verdict.order is None or market is None:
            return self._writer.skip(signal, verdict, case, ack)
        draft = self._writer.compose(*_names(signal), verdict, self._writer.inputs_of(case))
        # Of the leader's moment, not ours: the same decision made twice is the same order, which the venue refuses.
        return self._orders.intent(draft, verdict, case.limits, scope, market, ack, signal.traded_at_ms)

    def _observe(
        self,
        fact: str,
        leader: str,
        token_id: str,
        limits: TradingLimits,
        *,
        ask: bool = True,
        selling: bool = True,
    ) -> tuple[SignalStatus, LedgerScope, Seen]:
        """Read facts and book, then the clock, once, then what the ledger knows of this fact and the balances."""
        facts, no_facts = self._prices.facts(token_id)
        book, no_book = self._prices.book(token_id)
        now_ms = self._clock.now_ms()
        scope = scope_of(leader, token_id, facts, now_ms, limits)
        status, portfolio = self._journal.status_and_balances(fact, scope, ask=ask)
        if (held := self._in_wallet(token_id)) is not None:
            portfolio = replace(portfolio, wallet_shares=held)
        if selling and portfolio.lot_shares and limits.floors:
            portfolio = replace(portfolio, stood=self._stood(leader, token_id))
        problems = tuple(filter(None, (no_facts, no_book))) if no_facts or no_book else ()
        return status, scope, (facts, book, portfolio, limits, now_ms, problems)


def _names(signal: ActionableSignal | FillRetracted) -> tuple[str, str, str]:
    return signal.signal_id if isinstance(signal, FillRetracted) else signal.id, signal.leader, signal.token_id
