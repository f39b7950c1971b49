"""The losses of open lots, marked to the bid: what nobody would pay for them any more is lost, sold or not. Pure.

The mark is careful: the bids are walked for the whole lot, what they do not take counts as nothing, what a lot has
gained counts for no other, and a lot whose book was never seen counts as lost whole. Where a book cannot be read now
its last one stands.
"""

from collections.abc import Callable, Iterable, Sequence

from shared.domain.ledger_accounts import Lot
from shared.domain.market import Level
from shared.domain.money import MICRO, Usdc
from shared.messages.decisions import OpenLosses

Bids = Sequence[Level]
"""Best first."""
NOTHING_LOST = OpenLosses(total=Usdc(0), leader=Usdc(0))


def lot_loss(shares: int, cost: int, bids: Bids | None) -> int:
    """Return how far below its cost a lot stands, in micro-units; never less than 0."""
    if bids is None:
        return cost
    left, worth = shares, 0
    for level in bids:
        taken = min(left, level.shares)
        worth += taken * level.price
        left -= taken
        if not left:
            break
    return max(0, cost - worth // MICRO)


def open_losses(lots: Iterable[Lot], bids_of: Callable[[str], Bids | None], leader: str) -> OpenLosses:
    """Return what all lots have lost, and those of `leader`."""
    found = [(lot.leader, lot_loss(lot.shares, lot.cost, bids_of(lot.token_id))) for lot in lots]
    return OpenLosses(
        total=Usdc(sum(loss for _, loss in found)), leader=Usdc(sum(loss for whose, loss in found if whose == leader))
    )
