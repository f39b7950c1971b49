"""The buyer's journal: intent before the order, everything else in one step after; so "at least once" is harmless.

`order_writes` says what each step holds of the money; the journal adds its fence, the decision so far and the exact
bytes to an intent, and to a decision its event and the entry's acknowledgement. A live order that can still fail posts
nothing with its decision: it becomes a record of `orders` (pitfall 20).
"""

import contextlib
from collections.abc import Callable, Generator, Sequence

from msgspec.structs import replace

from buyer.domain.ledger_scope import LedgerScope, portfolio_of
from buyer.execution.batches.decision_basis import DecisionBasis
from buyer.execution.batches.signal_status import SignalStatus, status_in, status_names
from buyer.execution.decision_text import decision_text
from buyer.execution.order_writes import ending_write, intent_write, order_update
from buyer.execution.venue_port import BuyPermission
from buyer.strategy.limits import TradingLimits
from shared.domain.errors import TryAgain
from shared.domain.ledger_accounts import CASH, DEPOSITED, shares_account
from shared.domain.ledger_write import (
    Answer,
    BalanceGuard,
    FencingToken,
    KnownWrite,
    LedgerRecord,
    LedgerWrite,
    Result,
    StaleLedger,
    StreamAck,
)
from shared.domain.market import MarketFacts, Side
from shared.domain.record_kinds import DEPOSITS, INTENTS, ORDERS, SIGNED
from shared.domain.trading_controls import STOPS, turn_control
from shared.ledger.gated_commit import GateTurns
from shared.ledger.local_copy import MirroredLedger
from shared.ledger.port import Ledger
from shared.messages.base import DEAD, DECISIONS
from shared.messages.decisions import BuyEngineDecision, Order, OrderUpdate, Portfolio
from shared.messages.service import DeadLetter
from shared.messages.trades import TradeBooked
from shared.process.process_name import process_address

CONCLUDED = "another buyer"
"""Who keeps an order from being sent that was concluded meanwhile."""

NEVER = -1
"""No ledger's number: the step is known from before, or not written."""


class LedgerMoved(TryAgain):
    """The ledger is no longer what a decision was made on, and nothing was written: look again and decide again."""


class Journal:
    """The buyer's writes, each fenced by the lease it holds; any thread's.

    With a `mirror` a decision looks at what is at hand: its step is refused when the ledger moved on meanwhile.
    """

    def __init__(
        self, ledger: Ledger, fence: Callable[[], FencingToken | None], mirror: MirroredLedger | None = None
    ) -> None:
        self._ledger, self._fence, self._mirror = ledger, fence, mirror
        self._turns: GateTurns | None = None
        self._gate: BuyPermission | None = None
        self._basis = DecisionBasis()

    def send_at(self, turns: GateTurns) -> None:
        """Take the next of `turns` in the step of each intent from now on: the order goes out right behind it."""
        self._turns = turns

    def buy_through(self, gate: BuyPermission) -> None:
        """Ask `gate` before the intent of every buy from now on, and before one that was interrupted is sent again."""
        self._gate = gate

    def wait_for_turn(self) -> None:
        """Wait for the turn of an order whose intent stands already: what is asked after it holds when it goes out.

        Raises:
            Unavailable: stopping; nothing was sent.
        """
        if self._turns is not None:
            self._turns.take()

    def status_of(self, signal_id: str) -> SignalStatus:
        """Return what happened to this signal before."""
        return status_in(signal_id, self._ledger.read((), *status_names(signal_id)))

    def status_and_balances(
        self, signal_id: str, scope: LedgerScope, *, ask: bool = True
    ) -> tuple[SignalStatus, Portfolio]:
        """Return what happened to this signal before and the balances that a decision needs, as of one moment.

        Unless asked to `ask`, the ledger is asked only when that is not at hand; that a signal was decided before is
        then told by the step that writes.
        """
        writes, records = status_names(signal_id)
        names, wanted = scope.names, (*records, *scope.names.records)
        found = self._mirror.at_hand(names.accounts, wanted) if self._mirror and not ask else None
        self._basis.seq = self._mirror.known_seq if found and self._mirror else None
        if found is None:
            found = self._ledger.read(names.accounts, writes, wanted)
        return status_in(signal_id, found), portfolio_of(scope, found.seq, found.values, found.records)

    def refresh(self) -> None:
        """Have the balances at hand for the next signal."""
        if self._mirror:
            self._mirror.refresh()

    def stop_reason(self, signal_id: str, side: Side) -> str:
        """Return what keeps an order from being sent now, '' when nothing does: a control, or that it was concluded."""
        found = self._ledger.read(STOPS[side], (f"decision:{signal_id}",))
        if found.done:
            return CONCLUDED
        if side == "BUY" and self._gate and self._gate.waits_for():
            return f"the wait for {self._gate.waits_for()}"
        return next((control for control in STOPS[side] if found.values[control]), "")

    def confirm_intent(self, signal_id: str) -> None:
        """Have the intent of an order that goes out only now where no step is lost: its own answer may have told us no.

        Raises:
            Unavailable: it is not (`DURABILITY`). Fenced: another buyer is active.
        """
        self._ledger.commit(LedgerWrite(f"intent:{signal_id}", fence=self._fence(), expected_seq=NEVER))

    def open_intents(self) -> dict[str, str]:
        """Return every intent without an outcome: signal id -> decision so far."""
        return self._ledger.records(INTENTS)

    def signed(self, signal_id: str) -> str:
        """Return the exact bytes that were kept with an intent; '' for none."""
        return self.status_of(signal_id).signed

    def unsettled(self, *, ask: bool = True) -> dict[str, str]:
        """Return every order that the venue took and whose trades are not terminal: order id -> decision."""
        found = self._mirror.kind_at_hand(ORDERS) if self._mirror and not ask else None
        return self._ledger.records(ORDERS) if found is None else found

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

    def has_lot(self, leader: str, token_id: str) -> bool:
        """Say whether shares of a leader's lot are held."""
        account = shares_account(leader, token_id)
        return self._ledger.read((account,)).values[account] > 0

    def halt(self, why: str, now_ms: int) -> None:
        """Turn the kill switch on, once for the lease that is held now."""
        fence = self._fence()
        token = fence.token if fence else ""
        self._ledger.commit(
            turn_control(
                f"halt:buyer:{token}",
                on=True,
                who="buyer",
                why=why,
                now_ms=now_ms,
                where=process_address(),
                fence=fence,
            )
        )

    def intent(
        self, draft: BuyEngineDecision, order: Order, scope: LedgerScope, limits: TradingLimits, signed: str = ""
    ) -> LedgerWrite:
        """Return the step that reserves the order's budget and records the intent.

        Raises:
            TryAgain: it is a buy, and buys wait.
        """
        if order.side == "BUY" and self._gate:
            self._gate.admit()
        exact_bytes = (LedgerRecord(SIGNED, draft.signal_id, signed),) if signed else ()
        intent = LedgerRecord(INTENTS, draft.signal_id, decision_text(draft))
        write = intent_write(draft, order, scope, limits)
        return replace(
            write,
            records=(intent, *exact_bytes, *write.records),
            events=((DECISIONS, order_update(draft, order, None)),),
            fence=self._fence(),
            **self._basis.take(),
            unless=(f"decision:{draft.signal_id}",),
        )

    def write(self, write: LedgerWrite, *, at_turn: bool) -> Result:
        """Carry out one step, an intent at its turn."""
        turns = self._turns if at_turn else None
        return self._ledger.commit(write) if turns is None else self._ledger.commit_at(turns, write)

    def write_each(self, writes: Sequence[LedgerWrite], at_turn: Sequence[bool]) -> list[Answer]:
        """Carry out steps in one round trip, intents at their turns; who asks for an answer waits for that turn."""
        return self._ledger.commit_each(writes, [self._turns if gated else None for gated in at_turn])

    @contextlib.contextmanager
    def together(self) -> Generator[bool]:
        """Judge what goes out together in this block: each rests on what those before it will leave (`foresee`).

        Yields False where that is not known, as the ledger is not at hand: then nothing may be judged in here.
        """
        self._basis.together = self._mirror is not None and self._mirror.look_ahead()
        try:
            yield self._basis.together
        finally:
            self._basis.together, self._basis.behind = False, ""
            if self._mirror:
                self._mirror.stop_foreseeing()

    def foresee(self, write: LedgerWrite) -> None:
        """Let this thread's next decisions rest on what this step will leave; without it they do not stand."""
        self._basis.behind = write.id
        if self._mirror:
            self._mirror.foresee(write)

    def ending(
        self,
        decision: BuyEngineDecision,
        scope: LedgerScope | None = None,
        facts: MarketFacts | None = None,
        ack: StreamAck | None = None,
        letter: DeadLetter | None = None,
    ) -> LedgerWrite:
        """Return the step that publishes the terminal decision, posts its outcome and acknowledges the signal."""
        rests_on = self._basis.take() if decision.order is None or decision.outcome is None else {}
        return replace(ending_write(decision, scope, facts, letter), fence=self._fence(), ack=ack, **rests_on)

    def ended(self, write: LedgerWrite, decision: BuyEngineDecision, result: Result) -> Result:
        """Return what became of the end of a signal; of an intent that outlived its decision, by a step of its own.

        Raises:
            LedgerMoved: what a decision without an order was made on does not hold any more.
        """
        known = isinstance(unless_moved(result), KnownWrite) and decision.outcome is not None
        if not known or not self._ledger.read((), (), ((INTENTS, decision.signal_id),)).records:
            return result
        updates = tuple(
            (stream, event) for stream, event in write.events if isinstance(event, OrderUpdate | TradeBooked)
        )
        return self._ledger.commit(replace(write, id=f"late:{decision.signal_id}", events=updates, ack=None))

    def conclude(
        self,
        decision: BuyEngineDecision,
        scope: LedgerScope | None = None,
        facts: MarketFacts | None = None,
        ack: StreamAck | None = None,
        letter: DeadLetter | None = None,
    ) -> Result:
        """Carry out the step that ends a signal; raises as `ended`."""
        write = self.ending(decision, scope, facts, ack, letter)
        return self.ended(write, decision, self._ledger.commit(write))

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


def unless_moved(result: Result) -> Result:
    """Return what became of a step. Raises LedgerMoved where it was decided on what does not hold any more."""
    if isinstance(result, StaleLedger):
        raise LedgerMoved(f"the ledger is at {result.seq}")
    return result
