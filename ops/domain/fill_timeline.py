"""The life of one leader's fill, gathered from the events that name it: from its sightings to its payout. Pure.

A life is found by the signal's id (or its first 8 digits and more), by the ids of its decision or order, or by the
leader's transaction.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from msgspec.structs import replace

from buyer.domain.order_states import NEXT
from shared.domain.money import decimal_text, from_micro, price_of
from shared.messages.base import completed_id
from shared.messages.decisions import BuyEngineDecision, OrderUpdate, Outcome
from shared.messages.events import AnyEvent
from shared.messages.redemptions import Redeemed, RedemptionResult
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted, SignalDropped

SHORTEST = 8
"""Digits of an id that are enough to find it by."""


class LotKey(NamedTuple):
    """Whose shares of what: every buy and exit of one leader's lot names it."""

    leader: str
    token_id: str


@dataclass(frozen=True)
class FoundStory:
    """The signals that a search found, and the lot each belongs to."""

    lots: dict[str, LotKey]


@dataclass(frozen=True)
class CopyCost:
    """What following cost against the leader's own price; `by_price` and `total` are below 0 where we did better."""

    leader_price: Decimal
    our_price: Decimal
    by_price: Decimal
    fee: Decimal

    @property
    def total(self) -> Decimal:
        """Return the price difference and the fee together."""
        return self.by_price + self.fee


class LotPayment(NamedTuple):
    """A market paid the lot: all of it that was left, not only this order's shares."""

    at_ms: int
    payouts: tuple[str, ...]
    lot: Redeemed


@dataclass
class FillTimeline:
    """What is known of one signal; `exits` and `payments` are what later became of the lot it bought into.

    `withheld` are attempts of its exits that sold nothing on purpose; `completion` is what was decided once a pending
    signal was confirmed.
    """

    signal_id: str
    signal: ActionableSignal | None = None
    dropped: SignalDropped | None = None
    decision: BuyEngineDecision | None = None
    completion: BuyEngineDecision | None = None
    confirmations: list[FillConfirmed] = field(default_factory=list[FillConfirmed])
    retractions: list[FillRetracted] = field(default_factory=list[FillRetracted])
    updates: list[OrderUpdate] = field(default_factory=list[OrderUpdate])
    exits: list[BuyEngineDecision] = field(default_factory=list[BuyEngineDecision])
    withheld: list[BuyEngineDecision] = field(default_factory=list[BuyEngineDecision])
    payments: list[LotPayment] = field(default_factory=list[LotPayment])

    @property
    def outcome(self) -> Outcome | None:
        """Return what its order came to in the end; what it got at once while trades can still fail."""
        ended = next((end for update in self.updates if (end := end_of(update))), None)
        return ended or (self.decision.outcome if self.decision else None)

    @property
    def cost(self) -> CopyCost | None:
        """Return what following cost, None where nothing was filled or the leader's price is not known."""
        decision, signal, outcome = self.decision, self.signal, self.outcome
        if decision is None or signal is None or outcome is None or not outcome.shares or signal.cause != "TRADE":
            return None
        worse = from_micro(outcome.usdc) - from_micro(signal.price) * from_micro(outcome.shares)
        by_price = worse if decision.verdict == "BUY" else -worse
        ours = price_of(outcome.usdc, outcome.shares)
        return CopyCost(from_micro(signal.price), from_micro(ours), decimal_text(by_price), from_micro(outcome.fee))

    @property
    def bought(self) -> bool:
        """Say whether it added shares to a lot."""
        outcome = self.outcome
        return bool(outcome and outcome.shares and self.decision and self.decision.verdict == "BUY")


def end_of(update: OrderUpdate) -> Outcome | None:
    """Return what an order came to, None while that can still change."""
    return None if NEXT[update.state] else update.outcome


def find_stories(events: Iterable[AnyEvent], wanted: str) -> FoundStory:
    """Return the signals that `wanted` names, in the order they were told."""
    wanted = wanted.strip().lower()
    lots: dict[str, LotKey] = {}
    for event in events:
        match event:
            case ActionableSignal() | SignalDropped():
                signal_id, names = event.id, (event.id, event.tx_hash)
            case FillConfirmed() | FillRetracted():
                signal_id, names = event.signal_id, (event.signal_id, event.tx_hash)
            case BuyEngineDecision():
                signal_id, names = event.signal_id, (event.signal_id, event.id, _order_of(event))
            case _:
                continue
        if len(wanted) >= SHORTEST and any(name.startswith(wanted) for name in names):
            lots.setdefault(signal_id, LotKey(event.leader, event.token_id))
    return FoundStory(lots)


def tell_story(events: Iterable[AnyEvent], found: FoundStory) -> list[FillTimeline]:
    """Return the life of each signal found; the order of the events does not matter."""
    stories = {signal_id: FillTimeline(signal_id) for signal_id in found.lots}
    completes = {completed_id(signal_id): signal_id for signal_id in found.lots}
    exits: dict[LotKey, list[BuyEngineDecision]] = {lot: [] for lot in found.lots.values()}
    payments: dict[LotKey, list[tuple[RedemptionResult, Redeemed]]] = {lot: [] for lot in found.lots.values()}
    ends: dict[str, Outcome] = {}
    for event in events:
        if isinstance(event, RedemptionResult):
            for lot in event.lots:
                payments.get(LotKey(lot.leader, lot.token_id), []).append((event, lot))
            continue
        if isinstance(event, BuyEngineDecision) and (event.verdict == "SELL" or is_attempt(event)):
            exits.get(LotKey(event.leader, event.token_id), []).append(event)
        if isinstance(event, OrderUpdate) and (end := end_of(event)) and _lot_of(event) in exits:
            ends[event.signal_id] = end
        _take(stories, completes, event)
    for signal_id, lot in found.lots.items():
        _afterwards(stories[signal_id], _sold(exits[lot], ends), payments[lot])
    return list(stories.values())


def _take(stories: dict[str, FillTimeline], completes: dict[str, str], event: AnyEvent) -> None:
    """Put an event into the story it belongs to; `completes` names a pending signal by the id of its completion."""
    match event:
        case ActionableSignal() if event.id in stories:
            stories[event.id].signal = event
        case SignalDropped() if event.id in stories:
            stories[event.id].dropped = event
        case FillConfirmed() if event.signal_id in stories:
            _confirm(stories[event.signal_id], event)
        case FillRetracted() if event.signal_id in stories:
            stories[event.signal_id].retractions.append(event)
        case OrderUpdate() if event.signal_id in stories:
            stories[event.signal_id].updates.append(event)
        case BuyEngineDecision() if event.signal_id in stories:
            stories[event.signal_id].decision = event
        case BuyEngineDecision() if (pending := completes.get(event.signal_id)) is not None:
            stories[pending].completion = event
        case _:
            pass


def _confirm(story: FillTimeline, event: FillConfirmed) -> None:
    """Take a confirmation in once: the first of a pending signal stands on two streams."""
    if all(event.id != known.id for known in story.confirmations):
        story.confirmations.append(event)


def _afterwards(
    story: FillTimeline, exits: list[BuyEngineDecision], payments: list[tuple[RedemptionResult, Redeemed]]
) -> None:
    """Add what followed: a sell's own later orders; a buy's exits and payouts, by the ledger's numbers (no clock)."""
    if story.decision is None:
        return
    if task := story.decision.exit:
        later = (event for event in exits if event.id != story.decision.id)
        _put_exits(story, (event for event in later if event.exit and event.exit.id == task.id))
    if not story.bought:
        return
    seq = _seq(story.decision)
    _put_exits(story, (event for event in exits if _seq(event) > seq))
    later = sorted(((event, lot) for event, lot in payments if event.ledger_seq > seq), key=lambda p: p[0].ledger_seq)
    story.payments = [LotPayment(event.emitted_at_ms, event.payouts, lot) for event, lot in later]


def _put_exits(story: FillTimeline, exits: Iterable[BuyEngineDecision]) -> None:
    """Put what was sold, and what was kept back, into a story."""
    found = sorted(exits, key=_seq)
    story.exits = [event for event in found if event.verdict == "SELL"]
    story.withheld = [event for event in found if event.verdict == "SKIP"]


def is_attempt(decision: BuyEngineDecision) -> bool:
    """Say whether it is an exit's own order, on no signal: a lot is sold until it is gone."""
    return decision.exit is not None and decision.trade is None


def _sold(sells: Iterable[BuyEngineDecision], ends: Mapping[str, Outcome]) -> list[BuyEngineDecision]:
    """Return the sells that sold something in the end, each with what it came to, and those that sold nothing."""
    ended = (replace(sell, outcome=ends.get(sell.signal_id, sell.outcome)) for sell in sells)
    return [sell for sell in ended if sell.verdict == "SKIP" or (sell.outcome and sell.outcome.shares)]


def _lot_of(update: OrderUpdate) -> LotKey:
    return LotKey(update.order.leader, update.order.token_id)


def _seq(decision: BuyEngineDecision) -> int:
    return decision.inputs.portfolio.seq if decision.inputs.portfolio else 0


def _order_of(decision: BuyEngineDecision) -> str:
    return decision.order.id if decision.order else ""
