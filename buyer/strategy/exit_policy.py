"""The policy of exits: when a lot is sold, how much of it, and what is left to do after an attempt. Pure.

An exit is a task that lives in the ledger until its lot is down to what may stay: an order that sold nothing, a partial
fill, a pause or a restart only make it try again.
"""

from dataclasses import dataclass

from msgspec.structs import replace

from buyer.strategy.exits.exit_floor import TYPED, FloorBasis
from buyer.strategy.exits.exit_triggers import TRIGGER, HeldPosition, fired
from buyer.strategy.exits.lot_value import NO_LOOKS, Look, LotHistory, look_at
from buyer.strategy.exits.mirrored_sales import MirroredSell
from buyer.strategy.limits import TradingLimits
from buyer.strategy.sizing import GRAIN, sell_size
from shared.domain.backoff import Backoff
from shared.domain.ledger_accounts import Lot, lot_key
from shared.domain.market import Book, MarketFacts
from shared.domain.money import Price, Shares
from shared.messages.base import fact_id
from shared.messages.decisions import FLOOR, BuyEngineDecision, ExitReason, ExitTask
from shared.messages.signals import ActionableSignal, FillRetracted

BACKOFF = Backoff(first_s=2.0, longest_s=60.0)
"""Seconds between attempts of an exit that sells nothing; they begin at 2 and double."""
FLOOR_AGAIN_S = 5.0
"""Most seconds between attempts of an exit that waits for a price: the book may come back at any moment."""
DUST = "minimum_size"
"""The rule that ends an exit of a whole lot: what is left is too little for the venue and waits for its redemption."""


def opened_by(signal: ActionableSignal, sale: MirroredSell, basis: FloorBasis, now_ms: int) -> ExitTask:
    """Return the task that a leader's sell sets off, if its own order does not sell everything."""
    key = lot_key(signal.leader, signal.token_id)
    reason: ExitReason = "leader_merged" if signal.cause == "MERGE" else "leader_sold"
    return ExitTask(
        id=fact_id("exit", key, reason, signal.id),
        leader=signal.leader,
        token_id=signal.token_id,
        reason=reason,
        keep=sale.keep,
        opened_at_ms=now_ms,
        next_at_ms=now_ms,
        reference=basis.price,
        source=basis.source,
    )


def mirrored_ids(lot: str, signal_id: str) -> frozenset[str]:
    """Return how an exit may be called that a leader's signal set off."""
    return frozenset(fact_id("exit", lot, reason, signal_id) for reason in ("leader_sold", "leader_merged"))


def retracted_exit(
    gone: FillRetracted, held: Shares, bought: Shares, under_way: ExitTask | None, now_ms: int
) -> ExitTask:
    """Return the task that sells what was bought because of a trade that never was; an exit under way keeps its part.

    What was sold of the lot since then counts as the others' shares: rather too much is sold than too little.
    """
    stays = min(held, under_way.keep) if under_way else held
    return ExitTask(
        id=fact_id("exit", lot_key(gone.leader, gone.token_id), "retracted", gone.signal_id),
        leader=gone.leader,
        token_id=gone.token_id,
        reason="retracted",
        keep=Shares(max(0, stays - bought)),
        opened_at_ms=now_ms,
        next_at_ms=now_ms,
    )


@dataclass(frozen=True)
class LotMarket:
    """A lot beside what its market says now; None is what is not known."""

    lot: Lot
    facts: MarketFacts | None
    book: Book | None
    now_ms: int

    @property
    def dust(self) -> bool:
        """Say whether this is too little for the venue to take."""
        return self.facts is not None and sell_size(self.lot.shares) < self.facts.min_shares

    @property
    def closed(self) -> bool:
        """Say whether the market's trading has ended: the redeemer gets what it pays."""
        return self.facts is not None and self.facts.closed

    def believed(self, max_age_s: int) -> Book | None:
        """Return the book where it is worth believing (pitfall 16)."""
        book = self.book
        if book is None or book.crossed or book.token_id != self.lot.token_id:
            return None
        return book if self.now_ms - book.at_ms <= max_age_s * 1000 else None

    def look(self, max_age_s: int, at_s: float) -> Look | None:
        """Return what the lot is worth now; None where nobody can tell."""
        book = self.believed(max_age_s)
        return look_at(book, Shares(self.lot.shares), self.facts, at_s) if book and self.facts else None

    @property
    def position(self) -> HeldPosition:
        """Return the lot as its triggers see it."""
        lot, ends_at_ms = self.lot, self.facts.ends_at_ms if self.facts else None
        return HeldPosition(lot.shares, lot.cost, lot.opened_at_ms, ends_at_ms, self.now_ms)


def needs_book(limits: TradingLimits) -> bool:
    """Say whether some exit depends on what the book says."""
    return bool(limits.stop_loss_pct or limits.take_profit_pct)


def exit_trigger(limits: TradingLimits) -> bool:
    """Say whether a lot can be sold by anything but its leader's sell."""
    return needs_book(limits) or bool(limits.max_hold_s or limits.exit_before_end_s)


def due_exit(
    holding: LotMarket, limits: TradingLimits, *, flattening: bool, seen: LotHistory = NO_LOOKS
) -> ExitTask | None:
    """Return the exit that is to begin now; None for a lot that stays, or that nobody can sell.

    `seen` are the looks at the lot, this one included.
    """
    if holding.dust or holding.closed:
        return None
    reason: ExitReason | None = "flatten" if flattening else fired(holding.position, seen, limits)
    if reason is None:
        return None
    lot, now_ms = holding.lot, holding.now_ms
    return ExitTask(
        id=fact_id("exit", lot.key, reason, now_ms),
        leader=lot.leader,
        token_id=lot.token_id,
        reason=reason,
        keep=Shares(0),
        opened_at_ms=now_ms,
        next_at_ms=now_ms,
    )


def exit_by_hand(lot: Lot, floor: Price | None, now_ms: int) -> ExitTask:
    """Return the exit that a person wants; a typed floor stands in place of any other."""
    return ExitTask(
        id=fact_id("exit", lot.key, "by_hand", now_ms),
        leader=lot.leader,
        token_id=lot.token_id,
        reason="by_hand",
        keep=Shares(0),
        opened_at_ms=now_ms,
        next_at_ms=now_ms,
        reference=floor or Price(0),
        source=TYPED if floor is not None else "",
    )


def other_side_exit(lot: Lot, signal: ActionableSignal, now_ms: int) -> ExitTask:
    """Return the exit that makes room for a buy of the market's other outcome."""
    return ExitTask(
        id=fact_id("exit", lot.key, "other_outcome", signal.id),
        leader=lot.leader,
        token_id=lot.token_id,
        reason="other_outcome",
        keep=Shares(0),
        opened_at_ms=now_ms,
        next_at_ms=now_ms,
    )


def exit_attempt(task: ExitTask, now_ms: int, last: str = "") -> ExitTask:
    """Return the task with its next attempt counted: written before the attempt, so no order's name comes twice."""
    said = last or task.last
    waits = replace(task, attempt=task.attempt + 1, last=said)
    return replace(waits, next_at_ms=now_ms + round(wait_s(waits) * 1000))


def wait_s(task: ExitTask) -> float:
    """Return the seconds from an exit's last counted attempt to its next; at the floor none is long."""
    longest_s = FLOOR_AGAIN_S if task.last == FLOOR else BACKOFF.longest_s
    return min(BACKOFF.wait_s(task.attempt - 1), longest_s)


def order_fact(task: ExitTask) -> str:
    """Name one attempt, as a signal's id names a signal's order."""
    return fact_id("exit-order", task.id, task.attempt)


def unsold_rest(decision: BuyEngineDecision) -> ExitTask | None:
    """Return what the exit in a decision still has to do after it, None when it is done or only dust is left.

    What the wallet seems to lack is no dust: the exit waits until somebody has said what became of it.
    """
    task, held = decision.exit, decision.inputs.portfolio
    if task is None or held is None or decision.reason == TRIGGER:
        return None
    if decision.reason == DUST and task.keep == 0 and held.wallet_shares is None:
        return None
    sold = decision.outcome.shares if decision.outcome else Shares(0)
    return task if held.lot_shares - sold - task.keep >= GRAIN else None
