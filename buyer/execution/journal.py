"""The order of writes that makes "at least once" harmless: intent before the order, everything else in one step after.

| write | happens | holds |
|---|---|---|
| `intent:<signal>` | before the order | the reserved budget; the decision so far and the exact bytes, as records |
| `decision:<signal>` | after it | what the outcome posts, the decision and order update, the entry's acknowledgement |
| `settled:<order>` | at the end of a live order | what confirmed; what did not goes back (`settling`) |

A live order that can still fail posts nothing with its decision: it becomes a record of `orders` (pitfall 20).
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from msgspec.structs import replace

from buyer.domain.decision_effects import followed_records, records_of, taken_gathered
from buyer.domain.ledger_scope import LedgerScope, portfolio_of
from buyer.domain.order_states import is_provisional
from buyer.domain.postings import counted_order, intent_guards, lot_of, reserve_postings, settle_postings
from buyer.strategy.limits import TradingLimits
from shared.domain.ledger_accounts import CASH, DEPOSITED, merged_postings, peaks_of, shares_account
from shared.domain.ledger_write import (
    BalanceGuard,
    Balances,
    FencingToken,
    LedgerRecord,
    LedgerWrite,
    Result,
    StaleLedger,
    StreamAck,
)
from shared.domain.ledger_write import KnownWrite as Happened
from shared.domain.market import MarketFacts, Side
from shared.domain.money import from_micro
from shared.domain.record_kinds import DEPOSITS, INTENTS, ORDERS, SIGNED
from shared.domain.trading_controls import STOPS, turn_control
from shared.ledger.gated_commit import GateTurns
from shared.ledger.local_copy import MirroredLedger
from shared.ledger.port import Ledger, lot_record
from shared.messages.base import DEAD, DECISIONS, fact_id
from shared.messages.decisions import BuyEngineDecision, Order, OrderUpdate, Outcome, Portfolio
from shared.messages.events import write_event
from shared.messages.service import DeadLetter

CONCLUDED = "another buyer"
"""Who keeps an order from being sent that was concluded meanwhile."""


@dataclass(frozen=True)
class KnownDecision:
    """What the journal holds of a signal: decided for good, or an intent without an outcome."""

    decided: bool
    intent: str | None
    signed: str = ""


class Gate(Protocol):
    """Says whether buys may be sent."""

    def waits_for(self) -> str:
        """Return what they wait for, '' when they may be sent."""
        ...

    def admit(self) -> None:
        """Let a buy through, or raise `TryAgain`."""
        ...


class LedgerMoved(Exception):
    """The ledger is no longer what a decision was made on, and nothing was written: look again and decide again."""


class _Here(threading.local):
    """The step that a thread decides on, unless it asked."""

    seq: int | None = None


class Journal:
    """The buyer's writes, each fenced by the lease it holds; any thread's.

    With a `mirror` a decision looks at what is at hand: its step is refused when the ledger moved on meanwhile.
    """

    def __init__(
        self, ledger: Ledger, fence: Callable[[], FencingToken | None], mirror: MirroredLedger | None = None
    ) -> None:
        self._ledger, self._fence, self._mirror = ledger, fence, mirror
        self._turns: GateTurns | None = None
        self._gate: Gate | None = None
        self._here = _Here()

    def order_at(self, turns: GateTurns) -> None:
        """Take the next of `turns` in the step of each intent from now on: the order goes out right behind it."""
        self._turns = turns

    def buy_through(self, gate: "Gate") -> None:
        """Ask `gate` before the intent of every buy from now on, and before one that was interrupted is sent again."""
        self._gate = gate

    def take_turn(self) -> None:
        """Wait for the turn of an order whose intent stands already: what is asked after it holds when it goes out.

        Raises:
            Unavailable: stopping; nothing was sent.
        """
        if self._turns is not None:
            self._turns.take()

    def known(self, signal_id: str) -> KnownDecision:
        """Return what happened to this signal before."""
        return _known(signal_id, self._ledger.read((), *_asked(signal_id)))

    def look(self, signal_id: str, scope: LedgerScope, *, ask: bool = True) -> tuple[KnownDecision, Portfolio]:
        """Return what happened to this signal before and the balances that a decision looks at, as of one moment.

        Unless asked to `ask`, the ledger is asked only when that is not at hand; that a signal was decided before is
        then told by the step that writes.
        """
        writes, records = _asked(signal_id)
        wanted = (*records, *scope.records)
        found = self._mirror.at_hand(scope.accounts, wanted) if self._mirror and not ask else None
        self._here.seq = found.seq if found else None
        if found is None:
            found = self._ledger.read(scope.accounts, writes, wanted)
        return _known(signal_id, found), portfolio_of(scope, found)

    def refresh(self) -> None:
        """Have the balances at hand for the next signal."""
        if self._mirror:
            self._mirror.refresh()

    def stopped(self, signal_id: str, side: Side) -> str:
        """Return what keeps an order from being sent now, '' when nothing does: a control, or that it was concluded."""
        found = self._ledger.read(STOPS[side], (f"decision:{signal_id}",))
        if found.done:
            return CONCLUDED
        if side == "BUY" and self._gate and self._gate.waits_for():
            return f"the wait for {self._gate.waits_for()}"
        return next((control for control in STOPS[side] if found.values[control]), "")

    def open_intents(self) -> dict[str, str]:
        """Return every intent without an outcome: signal id -> decision so far."""
        return self._ledger.records(INTENTS)

    def signed(self, signal_id: str) -> str:
        """Return the exact bytes that were kept with an intent; '' for none."""
        return self.known(signal_id).signed

    def unsettled(self) -> dict[str, str]:
        """Return every order that the venue took and whose trades are not terminal: order id -> decision."""
        return self._ledger.records(ORDERS)

    def deposit(self, amount: int) -> None:
        """Credit the starting bankroll, once in the ledger's life: a guard says so, as old writes are forgotten.

        Where a person posted what came and went since (it can be all of it), it was credited before.
        """
        if self._ledger.records(DEPOSITS):
            return
        self._ledger.commit(
            LedgerWrite(
                id="deposit:start",
                postings=((CASH, amount), (DEPOSITED, amount)),
                guards=(BalanceGuard(DEPOSITED, at_most=amount),),
                fence=self._fence(),
            )
        )

    def is_credited(self) -> bool:
        """Say whether the starting bankroll was credited before."""
        return bool(self._ledger.read((DEPOSITED,)).values[DEPOSITED]) or bool(self._ledger.records(DEPOSITS))

    def holds(self, leader: str, token_id: str) -> bool:
        """Say whether shares of a leader's lot are held."""
        account = shares_account(leader, token_id)
        return self._ledger.read((account,)).values[account] > 0

    def halt(self, why: str, now_ms: int) -> None:
        """Turn the kill switch on, once for the lease that is held now."""
        fence = self._fence()
        token = fence.token if fence else ""
        self._ledger.commit(
            turn_control(f"halt:buyer:{token}", on=True, who="buyer", why=why, now_ms=now_ms, fence=fence)
        )

    def intend(
        self, draft: BuyEngineDecision, order: Order, scope: LedgerScope, limits: TradingLimits, signed: str = ""
    ) -> Result:
        """Reserve the order's budget and record the intent, unless a cap or the kill switch says no.

        Raises:
            MovedOn: what was at hand does not hold any more.
            TryAgain: it is a buy, and buys wait.
        """
        if order.side == "BUY" and self._gate:
            self._gate.admit()
        bytes_kept = (LedgerRecord(SIGNED, draft.signal_id, signed),) if signed else ()
        text = write_event(draft)
        write = LedgerWrite(
            id=f"intent:{draft.signal_id}",
            postings=reserve_postings(order, scope),
            tallies=counted_order(order, scope),
            guards=intent_guards(order, scope, limits, draft.inputs.portfolio),
            records=(LedgerRecord(INTENTS, draft.signal_id, text), *bytes_kept, *taken_gathered(draft)),
            events=((DECISIONS, order_update(draft, order, None)),),
            fence=self._fence(),
            expected_seq=self._decided_on(),
            unless=(f"decision:{draft.signal_id}",),
        )
        result = self._ledger.commit(write) if self._turns is None else self._ledger.commit_at(self._turns, write)
        return _standing(result)

    def conclude(
        self,
        decision: BuyEngineDecision,
        scope: LedgerScope | None = None,
        facts: MarketFacts | None = None,
        ack: StreamAck | None = None,
        letter: DeadLetter | None = None,
    ) -> Result:
        """Publish the terminal decision, post its outcome and acknowledge the signal, all in one step.

        Raises:
            MovedOn: what a decision without an order was made on does not hold any more.
        """
        order, outcome = decision.order, decision.outcome
        known = unfilled_order(decision)
        write = LedgerWrite(
            id=f"decision:{decision.signal_id}",
            postings=followed_records(known),
            events=(*(((DEAD, letter),) if letter else ()), (DECISIONS, decision)),
            records=(
                LedgerRecord(INTENTS, decision.signal_id, None),
                LedgerRecord(SIGNED, decision.signal_id, None),
                *records_of(known),
            ),
            fence=self._fence(),
            ack=ack,
            texts={decision.id: write_event(decision)},
        )
        if order is None or outcome is None or scope is None or facts is None:
            return _standing(self._ledger.commit(replace(write, expected_seq=self._decided_on())))
        if is_provisional(decision.mode, outcome):
            return self._ended(_waiting(write, decision, order, outcome), decision.signal_id)
        return self._ended(_with_outcome(write, decision, order, outcome, scope, facts), decision.signal_id)

    def _ended(self, write: LedgerWrite, signal_id: str) -> Result:
        """Commit the end of an intent; one that outlived its signal's decision gets a step of its own, once."""
        result = self._ledger.commit(write)
        if not isinstance(result, Happened) or not self._ledger.read((), (), ((INTENTS, signal_id),)).records:
            return result
        moves = tuple((stream, event) for stream, event in write.events if isinstance(event, OrderUpdate))
        return self._ledger.commit(replace(write, id=f"late:{signal_id}", events=moves, ack=None))

    def bury(self, decision: BuyEngineDecision, letter: DeadLetter, ack: StreamAck | None) -> Result:
        """Move an entry nobody can handle to the dead stream, with a terminal decision of its own."""
        return self._ledger.commit(
            LedgerWrite(
                id=f"decision:{decision.signal_id}",
                events=((DEAD, letter), (DECISIONS, decision)),
                fence=self._fence(),
                ack=ack,
            )
        )

    def acknowledge(self, signal_id: str, ack: StreamAck) -> None:
        """Acknowledge another delivery of a signal that was decided before."""
        self._ledger.commit(LedgerWrite(id=f"decision:{signal_id}", fence=self._fence(), ack=ack))

    def _decided_on(self) -> int | None:
        """Return the step that this thread's decision rests on, once."""
        seq, self._here.seq = self._here.seq, None
        return seq


def _asked(signal_id: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    return (f"decision:{signal_id}",), ((INTENTS, signal_id), (SIGNED, signal_id))


def _standing(result: Result) -> Result:
    if isinstance(result, StaleLedger):
        raise LedgerMoved(f"the ledger is at {result.seq}")
    return result


def _known(signal_id: str, found: Balances) -> KnownDecision:
    kept = found.records
    return KnownDecision(bool(found.done), kept.get((INTENTS, signal_id)), kept.get((SIGNED, signal_id), ""))


def unfilled_order(decision: BuyEngineDecision) -> BuyEngineDecision:
    """Return the decision as it counts now: what is only matched has filled nothing yet."""
    outcome = decision.outcome
    if outcome is None or not is_provisional(decision.mode, outcome):
        return decision
    return decision.model_copy(update={"outcome": outcome.model_copy(update={"shares": from_micro(0)})})


def _waiting(write: LedgerWrite, decision: BuyEngineDecision, order: Order, outcome: Outcome) -> LedgerWrite:
    """Keep a live order until its trades are terminal; its whole budget stays reserved (pitfall 20)."""
    return replace(
        write,
        records=(*write.records, LedgerRecord(ORDERS, order.id, write.texts[decision.id])),
        events=((DECISIONS, order_update(decision, order, outcome)), *write.events),
    )


def _with_outcome(
    write: LedgerWrite,
    decision: BuyEngineDecision,
    order: Order,
    outcome: Outcome,
    scope: LedgerScope,
    facts: MarketFacts,
) -> LedgerWrite:
    before = decision.inputs.portfolio or NO_BALANCES
    lots = (lot_record(lot_of(order, facts, decision)),) if order.side == "BUY" and outcome.shares > 0 else ()
    postings = merged_postings((*write.postings, *settle_postings(order, outcome, scope, before)))
    return LedgerWrite(
        id=write.id,
        postings=postings,
        peaks=peaks_of(postings),
        guards=(BalanceGuard(scope.amounts["lot_shares"], at_least=0),),
        records=(*write.records, *lots),
        events=((DECISIONS, order_update(decision, order, outcome)), *write.events),
        fence=write.fence,
        ack=write.ack,
        texts=write.texts,
    )


NO_BALANCES = Portfolio(
    seq=0,
    cash=from_micro(0),
    spent_today=from_micro(0),
    market_exposure=from_micro(0),
    lot_shares=from_micro(0),
    lot_cost=from_micro(0),
)


def order_update(decision: BuyEngineDecision, order: Order, outcome: Outcome | None) -> OrderUpdate:
    """Return the event that says an order moved to the state of `outcome` (None: its intent)."""
    state = outcome.state if outcome else "INTENT"
    return OrderUpdate.of_checked(
        event="ORDER_UPDATE",
        version=1,
        id=fact_id("order-update", order.id, state),
        emitted_at_ms=decision.emitted_at_ms,
        order_id=order.id,
        signal_id=decision.signal_id,
        mode=decision.mode,
        state=state,
        order=order,
        outcome=outcome,
    )
