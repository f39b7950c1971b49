"""One signal in, one decision out: the same code live, on paper and in replay."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from buyer.case import Case
from buyer.journal import Journal
from buyer.limits import Limits
from buyer.policy import Decision, decide, refused
from buyer.portfolio import Scope, scope_of
from buyer.venue.port import Prices, Venue
from shared.accounts import day_account
from shared.clock import Clock
from shared.errors import Malformed, RefusedForSafety, TryAgain
from shared.events import (
    ActionableSignal,
    BuyEngineDecision,
    DeadLetter,
    Inputs,
    Order,
    Outcome,
    fact_id,
    read_event,
)
from shared.market import Book, MarketFacts
from shared.money import from_micro
from shared.streams import Entry, dead_letter
from shared.writes import Ack, Refused, Written

NOTHING = Decimal(0)
DEAD_LETTER = "dead letter: "
"""How the reason of a buried entry's decision begins."""


class NotSettled(TryAgain):
    """The shares a leader's sell is about are still on their way to us: decide when their order has settled."""


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
    ) -> None:
        self._journal, self._prices, self._venue = journal, prices, venue
        self._clock, self._limits, self._identity = clock, limits, identity
        self._emit = emit

    def handle(self, signal: ActionableSignal, ack: Ack | None = None) -> BuyEngineDecision | None:
        """Decide on `signal` and carry the decision out; None when it was decided before.

        Raises:
            Unavailable: Redis is away; hand the same signal in again later.
            Fenced: another buyer is active; stop.
            OutcomeUnknown: the order may stand; hand the same signal in again later.
            NotSettled: a sell whose lot is on its way; hand it in again when that has settled.
            RefusedForSafety: the outcome does not fit the ledger.
        """
        facts, no_facts = self._prices.facts(signal.token_id)
        book, no_book = self._prices.book(signal.token_id)
        now_ms = self._clock.now_ms()
        scope = scope_of(signal, facts.condition_id if facts else signal.market.condition_id, now_ms)
        before, portfolio = self._journal.look(signal.id, scope)
        if before.decided:
            if ack:
                self._journal.acknowledge(signal.id, ack)
            return None
        if before.intent:
            return self.resume(before.intent, before.signed, ack)
        self._wait_for_lot(signal)
        problems = tuple(problem for problem in (no_facts, no_book) if problem)
        return self._decide(Case(signal, facts, book, portfolio, self._limits, now_ms, problems), scope, ack)

    def resume(self, intent: str, signed: str = "", ack: Ack | None = None) -> BuyEngineDecision | None:
        """Finish an intent that a crash left without an outcome; what was sent may stand, so it is looked for first."""
        draft, order, facts = _draft_in(intent)
        scope = _scope_of(draft)
        found = self._venue.find(order, facts, signed)
        if found is not None:
            outcome = found
        elif self._journal.halted():
            outcome = _cancelled("the kill switch was on when the buyer came back")
        elif self._clock.now_ms() - draft.inputs.now_ms > self._limits.max_signal_age_s * 1000:
            outcome = _cancelled("stale when the buyer came back")
        else:
            outcome = self._venue.place(order, facts, signed)
        return self._conclude(draft.model_copy(update={"outcome": outcome}), scope, facts, ack)

    def abandon(self, intent: str, signed: str, reason: str) -> BuyEngineDecision | None:
        """Give back what an intent reserved that cannot be carried out, unless the venue took its order.

        Raises:
            Malformed: nobody can tell what it reserved; it stays reserved, so that every cap counts it.
        """
        draft, order, facts = _draft_in(intent)
        outcome = self._venue.find(order, facts, signed) or _cancelled(reason)
        return self._conclude(draft.model_copy(update={"outcome": outcome}), _scope_of(draft), facts, None)

    def bury(self, entry: Entry, reason: str) -> BuyEngineDecision | None:
        """Give an entry nobody can handle its terminal decision, and keep it whole on the dead stream.

        A signal that can be read gets the decision in its own name; what its intent reserved is given back.
        """
        letter = dead_letter(entry, reason, self._clock.now_ms())
        ack = Ack(entry.stream, "buyer", entry.id)
        signal = _signal_in(entry)
        before = self._journal.known(signal.id) if signal else None
        with contextlib.suppress(Malformed):
            draft, order, facts = _draft_in(before.intent or "" if before else "")
            outcome = self._venue.find(order, facts, before.signed if before else "") or _cancelled(reason)
            given_up = draft.model_copy(update={"outcome": outcome})
            return self._conclude(given_up, _scope_of(draft), facts, ack, letter)
        named = (signal.id, signal.leader, signal.token_id) if signal else (_entry_fact(entry), "", "")
        verdict = Decision("SKIP", f"{DEAD_LETTER}{reason}", (), None)
        decision = self._decision(*named, verdict, Inputs(now_ms=letter.emitted_at_ms))
        result = self._journal.bury(decision, letter, ack)
        return self._announce(decision, happened=isinstance(result, Written))

    def _wait_for_lot(self, signal: ActionableSignal) -> None:
        """Put a sell off while an order of the same lot can still fail: it would sell too little, or what is not there.

        Once the signal is stale it is decided as it is.
        """
        stale = self._clock.now_ms() - signal.traded_at_ms > self._limits.max_signal_age_s * 1000
        if self._identity.mode != "live" or signal.side != "SELL" or stale:
            return
        for order_id, text in self._journal.unsettled().items():
            draft, _, _ = _draft_in(text)
            if (draft.leader, draft.token_id) == (signal.leader, signal.token_id):
                raise NotSettled(f"signal {signal.id} waits for order {order_id}")

    def _decide(self, case: Case, scope: Scope, ack: Ack | None) -> BuyEngineDecision | None:
        signal, facts = case.signal, case.market
        verdict = decide(case)
        inputs = Inputs(
            now_ms=case.now_ms,
            market=facts,
            book=case.book,
            portfolio=case.portfolio,
            problems=case.problems,
            config_id=self._identity.config_id,
            code_version=self._identity.code_version,
        )
        draft = self._decision(signal.id, signal.leader, signal.token_id, verdict, inputs)
        if verdict.order is None or facts is None:
            return self._conclude(draft, None, None, ack)
        return self._carry_out(draft, verdict, verdict.order, scope, facts, ack)

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
        prepared = self._venue.prepare(order, _on_grid(facts, draft.inputs.book), draft.inputs.now_ms)
        intent = self._journal.intend(draft, order, scope, self._limits, prepared)
        if isinstance(intent, Refused):
            no = refused(verdict, intent.account, intent.value, intent.limit)
            return self._conclude(
                self._decision(draft.signal_id, draft.leader, draft.token_id, no, draft.inputs),
                None,
                None,
                ack,
            )
        outcome = self._venue.place(order, facts, prepared)
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
            inputs=inputs,
        )


def _on_grid(facts: MarketFacts, book: Book | None) -> MarketFacts:
    """Return the facts with the tick that was decided on: the book knows it first when it changes (trap 17)."""
    return facts if book is None or book.tick is None else facts.model_copy(update={"tick": book.tick})


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


def _scope_of(draft: BuyEngineDecision) -> Scope:
    """Return the accounts of a draft as they were named when its intent was written, also after midnight."""
    order = draft.order
    condition_id = order.condition_id if order else ""
    return Scope(draft.leader, draft.token_id, condition_id, day_account(draft.inputs.now_ms))


def _cancelled(reason: str) -> Outcome:
    return Outcome(state="CANCELLED", shares=NOTHING, usdc=NOTHING, fee=NOTHING, reason=reason)
