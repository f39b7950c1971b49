"""One signal in, one decision out: the same code live, on paper and in replay."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from buyer.domain.ledger_scope import LedgerScope, scope_of, scope_of_draft
from buyer.execution.journal import CONCLUDED, Journal, KnownDecision, LedgerMoved
from buyer.execution.order_transit import OrderTransit
from buyer.execution.unresolved_orders import UnresolvedOrder, UnresolvedOrders
from buyer.strategy.decision_context import DecisionContext, ExitContext
from buyer.strategy.exit_policy import DUST, order_fact
from buyer.strategy.limits import TradingLimits
from buyer.strategy.policy import PolicyDecision, decide_exit, decide_signal, refused_rule
from buyer.strategy.skip_cache import SkipCache, asked_in_order
from buyer.venue.port import PriceSource, Venue
from shared.clock import Clock
from shared.domain.errors import Malformed, OutcomeUnknown, RefusedForSafety, TryAgain
from shared.domain.ledger_write import RefusedWrite, StreamAck, WrittenStep
from shared.domain.market import Book, MarketFacts
from shared.domain.money import from_micro
from shared.messages.base import fact_id
from shared.messages.decisions import BuyEngineDecision, ExitTask, Inputs, Order, Outcome, Portfolio, RuleResult
from shared.messages.events import read_event
from shared.messages.service import DeadLetter
from shared.messages.signals import ActionableSignal
from shared.redis.streams import StreamEntry, dead_letter

NOTHING = Decimal(0)
DEAD_LETTER = "dead letter: "
"""How the reason of a buried entry's decision begins."""


class NotSettled(TryAgain):
    """An order of the same lot, or one of the same token without an outcome, comes first: decide when it has ended."""


@dataclass(frozen=True)
class BuyerIdentity:
    """What a decision says of who made it."""

    mode: Literal["paper", "live"]
    config_id: str
    code_version: str


Looked = tuple[MarketFacts | None, Book | None, Portfolio | None, int, tuple[str, ...]]
"""What a decision is made from, as of one moment: facts, book, balances, the time, and what could not be found out."""


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
        emit: Callable[[BuyEngineDecision], None],
        signal_of: Callable[[str], ActionableSignal | None] = lambda _signal_id: None,
        reasons: SkipCache | None = None,
        skipped: Callable[[ActionableSignal, str], None] = lambda _signal, _reason: None,
        transit: OrderTransit | None = None,
    ) -> None:
        """Build it.

        `signal_of` finds a signal again by its id, after a crash. With `reasons` `skipped` is told of skips in place of
        decisions, where nothing follows. With `transit` an order leaves and is concluded by whoever lets it arrive.
        """
        self._journal, self._prices, self._venue = journal, prices, venue
        self._clock, self._limits, self._identity = clock, limits, identity
        self._emit, self._skipped, self._transit = emit, skipped, transit
        self._reasons, self._signal_of = reasons, signal_of
        self._telling = threading.Lock()
        self.unresolved = UnresolvedOrders(clock)

    @property
    def mode(self) -> str:
        """Say whose money it spends."""
        return self._identity.mode

    def handle(self, signal: ActionableSignal, ack: StreamAck | None = None) -> BuyEngineDecision | None:
        """Decide on `signal` and carry the decision out; None when it was decided before, or its order is on its way.

        Raises:
            Unavailable: Redis is away; hand the same signal in again later.
            Fenced: another buyer is active; stop.
            OutcomeUnknown: the order may stand; hand the same signal in again later.
            NotSettled: an order of its token is on its way or may stand; hand it in again when that has ended.
            RefusedForSafety: the outcome does not fit the ledger.
        """
        try:
            return self._handle(signal, ack, ask=False)
        except LedgerMoved:
            return self._handle(signal, ack, ask=True)

    def _handle(self, signal: ActionableSignal, ack: StreamAck | None, *, ask: bool) -> BuyEngineDecision | None:
        self._wait_for_outcome(signal)
        self._wait_for_lot(signal)
        limits = self._limits.of(signal.leader)
        self._wait_for_transit(signal)
        before, scope, looked = self._look(signal.id, signal.leader, signal.token_id, limits, ask=ask)
        if before.decided:
            self.unresolved.forget(signal.id)
            if ack:
                self._journal.acknowledge(signal.id, ack)
            return None
        self._wait_for_transit(signal, looked[2])
        if before.intent:
            return self.resume(before.intent, before.signed, ack, signal)
        return self._decide(signal, limits, scope, looked, ack)

    def resume(
        self, intent: str, signed: str = "", ack: StreamAck | None = None, signal: ActionableSignal | None = None
    ) -> BuyEngineDecision | None:
        """Finish an intent without an outcome; what was sent may stand, so it is looked for first.

        Raises:
            OutcomeUnknown: it may still stand; its token waits until it is asked for again.
        """
        draft, order, facts = self._draft(intent, signal)
        with self.unresolved.pursue(draft.signal_id, order.token_id) as pursued:
            outcome = self._found(order, facts, signed, pursued)
            outcome = outcome or self._sent_again(draft, order, facts, signed, pursued)
            return self._conclude(draft.model_copy(update={"outcome": outcome}), scope_of_draft(draft), facts, ack)

    def skip(self, signal: ActionableSignal, reason: str) -> BuyEngineDecision | None:
        """Conclude a signal that must not be followed; None when it was decided, or its order is under way.

        Raises:
            As `handle` does.
        """
        before = self._journal.known(signal.id)
        if before.decided or before.intent:
            return None
        verdict = PolicyDecision("SKIP", reason, (), None)
        decision = self._decision(*_names(signal), verdict, Inputs(now_ms=self._clock.now_ms()))
        try:
            return self._conclude(decision, None, None, None)
        except LedgerMoved:  # an earlier look of this thread: nothing was looked at for this
            return self._conclude(decision, None, None, None)

    def sell(self, task: ExitTask) -> str:
        """Try once to sell what an exit still has to sell; return the verdict's reason.

        An attempt that finds nothing to sell to leaves no decision behind: the task goes on. What is too little for the
        venue gets one, and ends the task. While an order of the lot can still fail nothing is tried.

        Raises:
            As `handle` does; the same attempt must never be handed in again: its order may stand.
        """
        waits = self.unresolved.holding(task.token_id) or self._order_under_way(task.leader, task.token_id)
        if waits:
            return f"order {waits} has not settled"
        limits = self._limits.of(task.leader)
        _, scope, looked = self._look(order_fact(task), task.leader, task.token_id, limits)
        market, book, portfolio, now_ms, problems = looked
        verdict = decide_exit(ExitContext(market, book, portfolio, limits, now_ms, problems, task))
        inputs = self._inputs(looked)
        draft = self._decision(order_fact(task), task.leader, task.token_id, verdict, inputs)
        if verdict.order is not None and inputs.market is not None:
            self._carry_out(draft, verdict, lambda: verdict.rules, scope, inputs.market, None)
        elif verdict.reason == DUST and task.keep == 0:
            self._conclude(draft, None, None, None)
        return verdict.reason

    def abandon(self, intent: str, signed: str, reason: str) -> BuyEngineDecision | None:
        """Give back what an intent reserved that cannot be carried out, unless the venue took its order.

        Raises:
            OutcomeUnknown: its order may still stand.
            Malformed: nobody can tell what it reserved; it stays reserved, so that every cap counts it.
        """
        draft, order, facts = self._draft(intent)
        return self._ended(draft, order, facts, signed, reason)

    def _ended(
        self,
        draft: BuyEngineDecision,
        order: Order,
        facts: MarketFacts,
        signed: str,
        reason: str,
        ack: StreamAck | None = None,
        letter: DeadLetter | None = None,
    ) -> BuyEngineDecision | None:
        """Conclude an intent by what became of its order at the venue; cancelled only where that never was."""
        with self.unresolved.pursue(draft.signal_id, order.token_id) as pursued:
            outcome = self._found(order, facts, signed, pursued)
            outcome = outcome or self._given_up(draft, signed, pursued, _cancelled(reason))
            ended = draft.model_copy(update={"outcome": outcome})
            return self._conclude(ended, scope_of_draft(draft), facts, ack, letter)

    def bury(self, entry: StreamEntry, reason: str, group: str = "buyer") -> BuyEngineDecision | None:
        """Give an entry nobody can handle its terminal decision, and keep it whole on the dead stream.

        A signal that can be read gets the decision in its own name; what its intent reserved is given back.

        Raises:
            OutcomeUnknown: an order of it may stand.
        """
        letter = dead_letter(entry, reason, self._clock.now_ms())
        ack = StreamAck(entry.stream, group, entry.id)
        signal = _signal_in(entry)
        before = self._journal.known(signal.id) if signal else None
        if signal and before and before.intent and not before.decided:
            try:
                draft, order, facts = self._draft(before.intent, signal)
            except Malformed as error:
                self._keep_what_was_signed(signal, before, error)
            else:
                return self._ended(draft, order, facts, before.signed, reason, ack, letter)
        named = (signal.id, signal.leader, signal.token_id) if signal else (_entry_fact(entry), "", "")
        verdict = PolicyDecision("SKIP", f"{DEAD_LETTER}{reason}", (), None)
        decision = self._decision(*named, verdict, Inputs(now_ms=letter.emitted_at_ms))
        result = self._journal.bury(decision, letter, ack)
        return self._announce(decision, happened=isinstance(result, WrittenStep))

    def _keep_what_was_signed(self, signal: ActionableSignal, before: KnownDecision, error: Malformed) -> None:
        """Leave an intent that cannot be read to a person where its order may stand.

        Raises:
            OutcomeUnknown: it was signed.
        """
        if before.signed:
            with self.unresolved.pursue(signal.id, signal.token_id):
                fix = f"`hybrid reconcile --mode {self.mode} --close {signal.id}` asks the venue and ends it"
                raise OutcomeUnknown(f"signal {signal.id}: {error}; its signed order may stand: {fix}") from error

    def _draft(
        self, intent: str, signal: ActionableSignal | None = None
    ) -> tuple[BuyEngineDecision, Order, MarketFacts]:
        """Return what an intent holds, with its rules judged again where it was written before they were.

        They are left out when nobody finds the signal, or when limits or code are not those of the decision.
        """
        draft, order, facts = _draft_in(intent)
        inputs, ours = draft.inputs, self._identity
        same = (inputs.config_id, inputs.code_version) == (ours.config_id, ours.code_version)
        if draft.rules or not same:
            return draft, order, facts
        signal = signal or self._signal_of(draft.signal_id)
        if signal is None:
            return draft, order, facts
        limits = self._limits.of(draft.leader)
        looked = (inputs.market, inputs.book, inputs.portfolio, limits, inputs.now_ms, inputs.problems)
        return draft.but(rules=decide_signal(DecisionContext(*looked, signal)).rules), order, facts

    def _found(self, order: Order, facts: MarketFacts, signed: str, pursued: UnresolvedOrder) -> Outcome | None:
        """Return what the venue shows of an order; that it shows nothing is counted."""
        outcome = self._venue.find(order, facts, signed)
        pursued.answered = True
        pursued.absence.looks += outcome is None
        return outcome

    def _sent_again(
        self, draft: BuyEngineDecision, order: Order, facts: MarketFacts, signed: str, pursued: UnresolvedOrder
    ) -> Outcome:
        """Place what the venue does not show, unless it may not go out any more; asked at its turn: that can take long.

        That it is refused now does not say what became of it before.

        Raises:
            OutcomeUnknown: it may stand.
        """
        if pursued.refused is None:
            self._journal.take_turn()
            stopped = self._journal.stopped(draft.signal_id, order.side)
            if stopped == CONCLUDED:
                return _cancelled(f"{stopped} had concluded it when the buyer came back")
            if stopped:
                return self._given_up(draft, signed, pursued, _cancelled(f"{stopped} was on when the buyer came back"))
            if self._too_late(draft):
                return self._given_up(draft, signed, pursued, _cancelled("stale when the buyer came back"))
            if self._transit is not None:
                self._transit.wait_out(draft.inputs.now_ms)
            outcome = self._placed(order, facts, signed, pursued)
            if outcome.state != "REJECTED":
                return outcome
            pursued.refused = outcome
        return self._given_up(draft, signed, pursued, pursued.refused)

    def _placed(self, order: Order, facts: MarketFacts, signed: str, pursued: UnresolvedOrder) -> Outcome:
        """Send it; from an answer that does not come on, the venue has time to show it."""
        try:
            return self._venue.place(order, facts, signed)
        except Exception:
            pursued.absence.again(self._clock.monotonic())
            raise

    def _wait_for_outcome(self, signal: ActionableSignal) -> None:
        """Put a signal off while an order of its token may stand: what that comes to decides what may follow."""
        waits = self.unresolved.holding(signal.token_id, signal.id)
        if waits:
            raise NotSettled(f"signal {signal.id} waits for the outcome of the order of signal {waits}")

    def _wait_for_lot(self, signal: ActionableSignal) -> None:
        """Put a sell off while an order of the same lot can still fail: it would sell too little, or what is not there.

        However long that takes: a sell that is stale then goes on as an exit of the whole lot. It is asked before the
        balances are read, so that what settles in between is among them.
        """
        waits = self._order_under_way(signal.leader, signal.token_id) if signal.side == "SELL" else ""
        if waits and waits != fact_id("order", signal.id):
            raise NotSettled(f"signal {signal.id} waits for order {waits}")

    def _wait_for_transit(self, signal: ActionableSignal, held: Portfolio | None = None) -> None:
        """Put a signal off while an order on its way would change what it is decided on.

        Raises:
            NotSettled: hand it in again when that has arrived.
        """
        leaving = held is not None and held.exit is not None
        waits = self._transit.blocker(signal, leaving=leaving) if self._transit is not None else ""
        if waits:
            raise NotSettled(f"signal {signal.id} waits for order {waits}")

    def _order_under_way(self, leader: str, token_id: str) -> str:
        """Return an order of this lot that is on its way, or live and can still fail; '' when there is none."""
        if self._transit is not None:
            return self._transit.order_of(token_id)
        if self._identity.mode != "live":
            return ""
        for order_id, text in self._journal.unsettled().items():
            draft, _, _ = _draft_in(text)
            if (draft.leader, draft.token_id) == (leader, token_id):
                return order_id
        return ""

    def _decide(
        self, signal: ActionableSignal, limits: TradingLimits, scope: LedgerScope, looked: Looked, ack: StreamAck | None
    ) -> BuyEngineDecision | None:
        market, book, portfolio, now_ms, problems = looked
        case = DecisionContext(market, book, portfolio, limits, now_ms, problems, signal)
        verdict = decide_signal(case, self._reasons.failed if self._reasons else asked_in_order)
        if self._reasons and verdict.idle:
            self._skipped(signal, verdict.reason)
            return None

        def rules() -> tuple[RuleResult, ...]:
            return () if self._reasons else decide_signal(case).rules

        inputs = self._inputs(looked)
        if verdict.order is None or inputs.market is None:
            whole = verdict if self._reasons else decide_signal(case)
            return self._conclude(self._decision(*_names(signal), whole, inputs), None, None, ack)
        draft = self._decision(*_names(signal), verdict, inputs)
        return self._carry_out(draft, verdict, rules, scope, inputs.market, ack)

    def _look(
        self, fact: str, leader: str, token_id: str, limits: TradingLimits, *, ask: bool = True
    ) -> tuple[KnownDecision, LedgerScope, Looked]:
        """Read facts and book, then the clock, once, then what the ledger knows of this fact and the balances."""
        facts, no_facts = self._prices.facts(token_id)
        book, no_book = self._prices.book(token_id)
        now_ms = self._clock.now_ms()
        scope = scope_of(leader, token_id, facts, now_ms, limits.gather_window_s)
        known, portfolio = self._journal.look(fact, scope, ask=ask)
        problems = tuple(filter(None, (no_facts, no_book))) if no_facts or no_book else ()
        return known, scope, (facts, book, portfolio, now_ms, problems)

    def _inputs(self, looked: Looked) -> Inputs:
        facts, book, portfolio, now_ms, problems = looked
        return Inputs.of_checked(
            now_ms=now_ms,
            market=facts,
            book=book,
            portfolio=portfolio,
            problems=problems,
            config_id=self._identity.config_id,
            code_version=self._identity.code_version,
        )

    def _carry_out(
        self,
        draft: BuyEngineDecision,
        verdict: PolicyDecision,
        rules: Callable[[], tuple[RuleResult, ...]],
        scope: LedgerScope,
        facts: MarketFacts,
        ack: StreamAck | None,
    ) -> BuyEngineDecision | None:
        """Write the intent, then place the order, then conclude: in this order, whatever crashes in between.

        The order does not wait for the rules' values: they follow from what the intent holds, and join its decision.
        """
        order = draft.order
        if order is None:
            raise Malformed(f"the decision on {draft.signal_id} holds no order")
        prepared = self._venue.prepare(order, _on_grid(facts, draft.inputs.book), draft.inputs.now_ms)
        intent = self._journal.intend(draft, order, scope, self._limits.of(draft.leader), prepared)
        if isinstance(intent, RefusedWrite):
            no = refused_rule(verdict._replace(rules=rules()), intent.account, intent.value, intent.limit)
            return self._conclude(
                self._decision(draft.signal_id, draft.leader, draft.token_id, no, draft.inputs),
                None,
                None,
                ack,
            )
        if not isinstance(intent, WrittenStep):
            return self._join(draft.signal_id, ack)
        if self._too_late(draft):
            outcome = _cancelled("stale when its turn came")
            return self._conclude(draft.but(rules=rules(), outcome=outcome), scope, facts, ack)

        def arrive() -> BuyEngineDecision | None:
            with self.unresolved.pursue(draft.signal_id, order.token_id) as pursued:
                outcome = self._placed(order, facts, prepared, pursued)
                return self._conclude(draft.but(rules=rules(), outcome=outcome), scope, facts, ack)

        if self._transit is None:
            return arrive()
        self._transit.send(order, arrive)
        return None

    def _join(self, signal_id: str, ack: StreamAck | None) -> BuyEngineDecision | None:
        """Go on with the intent that stands already: what was prepared beside it would be a second order."""
        standing = self._journal.known(signal_id)
        if standing.intent and not standing.decided:
            return self.resume(standing.intent, standing.signed, ack)
        if ack:
            self._journal.acknowledge(signal_id, ack)
        return None

    def _conclude(
        self,
        decision: BuyEngineDecision,
        scope: LedgerScope | None,
        facts: MarketFacts | None,
        ack: StreamAck | None,
        letter: DeadLetter | None = None,
    ) -> BuyEngineDecision | None:
        result = self._journal.conclude(decision, scope, facts, ack, letter)
        if isinstance(result, RefusedWrite):
            raise RefusedForSafety(
                f"signal {decision.signal_id}: its outcome would leave {result.account} at {from_micro(result.value)}; "
                "the ledger and the venue disagree, so nothing goes on: compare both before you start again"
            )
        return self._announce(decision, happened=isinstance(result, WrittenStep))

    def _given_up(self, draft: BuyEngineDecision, signed: str, pursued: UnresolvedOrder, outcome: Outcome) -> Outcome:
        """Return `outcome` for an order that the venue, asked often and long enough, does not show (pitfall 20).

        Raises:
            OutcomeUnknown: it is too early to tell.
        """
        if signed and not pursued.absence.seen(self._clock.monotonic()):
            raise OutcomeUnknown(f"signal {draft.signal_id}: its order may still come to be shown by the venue")
        return outcome

    def _too_late(self, draft: BuyEngineDecision) -> bool:
        return self._age_ms(draft) > self._limits.of(draft.leader).max_signal_age_s * 1000

    def _age_ms(self, draft: BuyEngineDecision) -> int:
        return self._clock.now_ms() - draft.inputs.now_ms

    def _announce(self, decision: BuyEngineDecision, *, happened: bool) -> BuyEngineDecision | None:
        if not happened:
            return None
        with self._telling:
            self._emit(decision)
        return decision

    def _decision(
        self, signal_id: str, leader: str, token_id: str, verdict: PolicyDecision, inputs: Inputs
    ) -> BuyEngineDecision:
        return BuyEngineDecision.of_checked(
            event="BUY_ENGINE_DECISION",
            version=1,
            id=fact_id("decision", signal_id),
            emitted_at_ms=inputs.now_ms,
            signal_id=signal_id,
            leader=leader,
            token_id=token_id,
            mode=self._identity.mode,
            verdict=verdict.verdict,
            reason=verdict.reason,
            rules=verdict.rules,
            order=verdict.order,
            outcome=None,
            trade=verdict.trade,
            gathered=verdict.gathered,
            exit=verdict.exit,
            inputs=inputs,
        )


def _on_grid(facts: MarketFacts, book: Book | None) -> MarketFacts:
    """Return the facts with the tick that was decided on: the book knows it first when it changes (pitfall 17)."""
    return facts if book is None or book.tick in (None, facts.tick) else facts.but(tick=book.tick)


def _draft_in(intent: str) -> tuple[BuyEngineDecision, Order, MarketFacts]:
    draft = read_event(intent)
    if not isinstance(draft, BuyEngineDecision) or draft.order is None or draft.inputs.market is None:
        raise Malformed(f"the intent {intent[:120]!r} holds no order")
    return draft, draft.order, draft.inputs.market


def _names(signal: ActionableSignal) -> tuple[str, str, str]:
    return signal.id, signal.leader, signal.token_id


def _signal_in(entry: StreamEntry) -> ActionableSignal | None:
    with contextlib.suppress(Malformed):
        event = read_event(entry.json)
        return event if isinstance(event, ActionableSignal) else None
    return None


def _entry_fact(entry: StreamEntry) -> str:
    return fact_id("entry", entry.stream, entry.id)


def _cancelled(reason: str) -> Outcome:
    return Outcome(state="CANCELLED", shares=NOTHING, usdc=NOTHING, fee=NOTHING, reason=reason)
