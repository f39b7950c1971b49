"""Redemptions in the ledger: lots leave, their payout comes in, the event goes out, in one step that happens once."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from shared.domain.errors import OutcomeUnknown, Unavailable
from shared.domain.ledger_accounts import Lot, peaks_of, redemption_postings, shares_account
from shared.domain.ledger_write import (
    BalanceGuard,
    FencingToken,
    KnownWrite,
    LedgerRecord,
    LedgerWrite,
    RefusedWrite,
    WrittenStep,
)
from shared.domain.record_kinds import INTENTS, ORDERS
from shared.ledger.port import Ledger, open_lots
from shared.messages.base import REDEMPTIONS
from shared.messages.redemptions import RedemptionResult
from shared.messages.trades import redeemed_trades

MOST_TRIES = 50
"""Tries to book against a ledger that others write to; each is one read and one script, a millisecond or two."""


@dataclass(frozen=True)
class HeldLots:
    """What is held of one condition, true as of the ledger's step `seq`, and how many of its orders are under way.

    An order is under way from its intent until its trades are confirmed or failed: its shares may be there earlier.
    """

    seq: int
    lots: tuple[Lot, ...]
    orders_under_way: int

    def check_orders(self, condition_id: str) -> None:
        """Refuse to go on while orders of this market are under way: their shares leave and come back to the lots.

        Raises:
            Unavailable: until they are done.
        """
        if self.orders_under_way:
            raise Unavailable(
                f"condition {condition_id}: {self.orders_under_way} order(s) under way; redeemed after them"
            )


Entry = tuple[str, RedemptionResult]
"""The name of a ledger step, and the redemption that it books."""


class RedemptionLedger:
    """One mode's ledger, seen by the redeemer."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def held_lots(self, condition_id: str) -> HeldLots:
        """Read lots and open orders; `seq` is read first, so a write that expects it saw all of this unchanged."""
        seq = self._ledger.read(()).seq  # first: what is written after it makes the booking start over
        lots = tuple(lot for lot in open_lots(self._ledger) if lot.condition_id == condition_id)
        orders = [text for kind in (INTENTS, ORDERS) for text in self._ledger.records(kind).values()]
        return HeldLots(seq, lots, sum(_concerns(order, condition_id) for order in orders))

    def book_redemption(
        self,
        condition_id: str,
        entry: Callable[[HeldLots, int | None], Entry | None],
        fence: FencingToken | None = None,
        *,
        known_is_done: bool = False,
    ) -> RedemptionResult | None:
        """Book what `entry` makes of what is held; None when there is nothing to book (any more).

        `entry` is asked again whenever the ledger moved on. Its second argument is the step that booked the same
        name before: the same shares may come again, under another name, unless `known_is_done`.

        Raises:
            Unavailable: an order of this market is under way, or the ledger never rests; ask again later.
            OutcomeUnknown: the ledger refused.
        """
        after: int | None = None
        for _ in range(MOST_TRIES):
            held = self.held_lots(condition_id)
            made = entry(held, after)
            if made is None:
                return None
            held.check_orders(condition_id)
            name, event = made
            done = self._ledger.commit(_redemption_write(name, event, held, fence))
            if isinstance(done, WrittenStep):
                return event
            if isinstance(done, RefusedWrite):
                raise OutcomeUnknown(
                    f"the ledger refused condition {condition_id}: {done.account} would be {done.value}"
                )
            if isinstance(done, KnownWrite) and known_is_done:
                return None
            # The same shares came again after that step: they are booked under another name.
            if isinstance(done, KnownWrite) and done.seq <= held.seq:
                after = done.seq
        raise Unavailable(f"condition {condition_id}: the ledger moved on {MOST_TRIES} times; try again")


def _redemption_write(name: str, event: RedemptionResult, held: HeldLots, fence: FencingToken | None) -> LedgerWrite:
    gone = {lot.key for lot in held.lots if not _remains(lot, event)}
    postings = redemption_postings(event)
    return LedgerWrite(
        id=name,
        postings=postings,
        peaks=peaks_of(postings),
        guards=tuple(_lot_guard(lot, gone=lot.key in gone) for lot in held.lots),
        records=tuple(LedgerRecord("lots", key, None) for key in sorted(gone)),
        events=((REDEMPTIONS, event), *redeemed_trades(event)),
        expected_seq=held.seq,
        fence=fence,
    )


def _remains(lot: Lot, event: RedemptionResult) -> bool:
    """Say whether shares of a lot stay: a merge takes pairs only."""
    taken = {(each.leader, each.token_id): each.shares for each in event.lots}
    return taken.get((lot.leader, lot.token_id), 0) < lot.shares


def _lot_guard(lot: Lot, *, gone: bool) -> BalanceGuard:
    return BalanceGuard(shares_account(lot.leader, lot.token_id), at_least=0, at_most=0 if gone else None)


def _concerns(order: str, condition_id: str) -> bool:
    """Say whether a recorded decision orders this condition; one that cannot be read might."""
    try:
        return json.loads(order)["order"]["condition_id"] == condition_id
    except (ValueError, LookupError, TypeError):
        return True  # an order that cannot be read might be of this condition: wait
