"""One signal in, one decision out: the same code live, on paper and in replay."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from buyer.case import Case, ExitCase
from buyer.exits import DUST, order_fact
from buyer.journal import Journal
from buyer.limits import Limits
from buyer.policy import Decision, decide, decide_exit, refused
from buyer.portfolio import Scope, scope_of, scope_of_draft
from buyer.venue.port import Prices, Venue
from shared.clock import Clock
from shared.errors import Malformed, RefusedForSafety
from shared.events import (
    ActionableSignal,
    BuyEngineDecision,
    DeadLetter,
    ExitTask,
    Inputs,
    Order,
    Outcome,
    fact_id,
    read_event,
)
from shared.market import MarketFacts
from shared.money import from_micro
from shared.streams import Entry, dead_letter
from shared.writes import Ack, Refused, Written

NOTHING = Decimal(0)
DEAD_LETTER = "dead letter: "
"""How the reason of a buried entry's decision begins."""


@dataclass(frozen=True)
class Identity:
    """What a decision says of who made it."""

    mode: Literal["paper", "live"]
    config_id: str
    code_version: str


class Engine:
    """Decides, and carries out what was decided, in the journal's order of writes.

    Every method may be called again for the same signal after a crash at any point: what happened is known from the
    journal, and only what is missing is done.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        prices: Prices,
        venue: Venue,
        clock: Clock,
        limits: Limits,
        identity: Identity,
        emit: Callable[[BuyEngineDecision], None],
        explain: bool = True,
    ) -> None:
        self._journal, self._prices, self._venue = journal, prices, venue
        self._clock, self._limits, self._identity = clock, limits, identity
        self._emit, self._explain = emit, explain

    def handle(self, signal: ActionableSignal, ack: Ack | None = None) -> BuyEngineDecision | None:
        """Decide on `signal` and carry the decision out; None when it was decided before.

        Raises:
            Unavailable: Redis is away; hand the same signal in again later.
            Fenced: another buyer is active; stop.
            OutcomeUnknown: the order may stand; hand the same signal in again later.
            RefusedForSafety: the outcome does not fit the ledger.
        """
        before = self._journal.known(signal.id)
        if before.decided:
            if ack:
                self._journal.acknowledge(signal.id, ack)
            return None
        if before.intent:
            return self.resume(before.intent, ack)
        return self._decide(signal, ack)

    def resume(self, intent: str, ack: Ack | None = None) -> BuyEngineDecision | None:
        """Finish an intent that a crash left without an outcome."""
        draft, order, facts = _draft_in(intent)
        scope = scope_of_draft(draft)
        limits = self._limits.of(draft.leader)
        stopped = self._journal.stopped(order.side)
        if stopped:
            outcome = _cancelled(f"{stopped} was on when the buyer came back")
        elif self._clock.now_ms() - draft.inputs.now_ms > limits.max_signal_age_s * 1000:
            outcome = _cancelled("stale when the buyer came back")
        else:
            outcome = self._venue.place(order, facts)
        return self._conclude(draft.model_copy(update={"outcome": outcome}), scope, facts, ack)

    def sell(self, task: ExitTask) -> str:
        """Try once to sell what an exit still has to sell; return the verdict's reason.

        An attempt that finds nothing to sell to leaves no decision behind: the task goes on. What is too little for the
        venue gets one, and ends the task.

        Raises:
            As `handle` does; the same attempt must never be handed in again: its order may stand.
        """
        limits = self._limits.of(task.leader)
        scope, inputs = self._look(task.leader, task.token_id, limits)
        seen = (inputs.market, inputs.book, inputs.portfolio, limits, inputs.now_ms, inputs.problems)
        verdict = decide_exit(ExitCase(*seen, task))
        draft = self._decision(order_fact(task), task.leader, task.token_id, verdict, inputs)
        if verdict.order is not None and inputs.market is not None:
            self._carry_out(draft, verdict, verdict.order, scope, inputs.market, None)
        elif verdict.reason == DUST and task.keep == 0:
            self._conclude(draft, None, None, None)
        return verdict.reason

    def abandon(self, intent: str, reason: str) -> BuyEngineDecision | None:
        """Give back what an intent reserved that cannot be carried out (on paper nothing stands outside).

        Raises:
            Malformed: nobody can tell what it reserved; it stays reserved, so that every cap counts it.
        """
        draft, _, facts = _draft_in(intent)
        given_up = draft.model_copy(update={"outcome": _cancelled(reason)})
        return self._conclude(given_up, scope_of_draft(draft), facts, None)

    def bury(self, entry: Entry, reason: str) -> BuyEngineDecision | None:
        """Give an entry nobody can handle its terminal decision, and keep it whole on the dead stream.

        A signal that can be read gets the decision in its own name; what its intent reserved is given back.
        """
        letter = dead_letter(entry, reason, self._clock.now_ms())
        ack = Ack(entry.stream, "buyer", entry.id)
        signal = _signal_in(entry)
        intent = self._journal.known(signal.id).intent if signal else None
        with contextlib.suppress(Malformed):
            draft, _, facts = _draft_in(intent or "")
            given_up = draft.model_copy(update={"outcome": _cancelled(reason)})
            return self._conclude(given_up, scope_of_draft(draft), facts, ack, letter)
        named = (signal.id, signal.leader, signal.token_id) if signal else (_entry_fact(entry), "", "")
        verdict = Decision("SKIP", f"{DEAD_LETTER}{reason}", (), None)
        decision = self._decision(*named, verdict, Inputs(now_ms=letter.emitted_at_ms))
        result = self._journal.bury(decision, letter, ack)
        return self._announce(decision, happened=isinstance(result, Written))

    def _decide(self, signal: ActionableSignal, ack: Ack | None) -> BuyEngineDecision | None:
        limits = self._limits.of(signal.leader)
        scope, inputs = self._look(signal.leader, signal.token_id, limits)
        seen = (inputs.market, inputs.book, inputs.portfolio, limits, inputs.now_ms, inputs.problems)
        verdict = decide(Case(*seen, signal), explain=self._explain)
        draft = self._decision(signal.id, signal.leader, signal.token_id, verdict, inputs)
        if verdict.order is None or inputs.market is None:
            return self._conclude(draft, None, None, ack)
        return self._carry_out(draft, verdict, verdict.order, scope, inputs.market, ack)

    def _look(self, leader: str, token_id: str, limits: Limits) -> tuple[Scope, Inputs]:
        """Read facts and book, then the clock, once, then the balances."""
        facts, no_facts = self._prices.facts(token_id)
        book, no_book = self._prices.book(token_id)
        now_ms = self._clock.now_ms()
        scope = scope_of(leader, token_id, facts, now_ms, limits.gather_window_s)
        inputs = Inputs(
            now_ms=now_ms,
            market=facts,
            book=book,
            portfolio=self._journal.portfolio(scope),
            problems=tuple(problem for problem in (no_facts, no_book) if problem),
            config_id=self._identity.config_id,
            code_version=self._identity.code_version,
        )
        return scope, inputs

    def _carry_out(
        self,
        draft: BuyEngineDecision,
        verdict: Decision,
        order: Order,
        scope: Scope,
        facts: MarketFacts,
        ack: Ack | None,
    ) -> BuyEngineDecision | None:
        """Write the intent, then place the order, then conclude: in this order, whatever crashes in between."""
        intent = self._journal.intend(draft, order, scope, self._limits.of(draft.leader))
        if isinstance(intent, Refused):
            no = refused(verdict, intent.account, intent.value, intent.limit)
            return self._conclude(
                self._decision(draft.signal_id, draft.leader, draft.token_id, no, draft.inputs),
                None,
                None,
                ack,
            )
        outcome = self._venue.place(order, facts)
        return self._conclude(draft.model_copy(update={"outcome": outcome}), scope, facts, ack)

    def _conclude(
        self,
        decision: BuyEngineDecision,
        scope: Scope | None,
        facts: MarketFacts | None,
        ack: Ack | None,
        letter: DeadLetter | None = None,
    ) -> BuyEngineDecision | None:
        result = self._journal.conclude(decision, scope, facts, ack, letter)
        if isinstance(result, Refused):
            raise RefusedForSafety(
                f"signal {decision.signal_id}: its outcome would leave {result.account} at {from_micro(result.value)}; "
                "the ledger and the venue disagree, so nothing goes on: compare both before you start again"
            )
        return self._announce(decision, happened=isinstance(result, Written))

    def _announce(self, decision: BuyEngineDecision, *, happened: bool) -> BuyEngineDecision | None:
        if not happened:
            return None
        self._emit(decision)
        return decision

    def _decision(
        self, signal_id: str, leader: str, token_id: str, verdict: Decision, inputs: Inputs
    ) -> BuyEngineDecision:
        return BuyEngineDecision(
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
            trade=verdict.trade,
            gathered=verdict.gathered,
            exit=verdict.exit,
            inputs=inputs,
        )


def _draft_in(intent: str) -> tuple[BuyEngineDecision, Order, MarketFacts]:
    draft = read_event(intent)
    if not isinstance(draft, BuyEngineDecision) or draft.order is None or draft.inputs.market is None:
        raise Malformed(f"the intent {intent[:120]!r} holds no order")
    return draft, draft.order, draft.inputs.market


def _signal_in(entry: Entry) -> ActionableSignal | None:
    with contextlib.suppress(Malformed):
        event = read_event(entry.json)
        return event if isinstance(event, ActionableSignal) else None
    return None


def _entry_fact(entry: Entry) -> str:
    return fact_id("entry", entry.stream, entry.id)


def _cancelled(reason: str) -> Outcome:
    return Outcome(state="CANCELLED", shares=NOTHING, usdc=NOTHING, fee=NOTHING, reason=reason)
