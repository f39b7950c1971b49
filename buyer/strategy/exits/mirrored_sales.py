"""What a leader's sell does to our lot, by what he holds: all goes, the same part, or nothing for dust. Pure."""

from msgspec import Struct

from buyer.strategy.limits import HUNDRED_PCT, Mirror, TradingLimits
from shared.domain.money import Shares
from shared.messages.decisions import Portfolio
from shared.messages.signals import ActionableSignal

SMALL_SALE, LATER_SALE = "leader_sell", "sold_later"
"""The rules that a sell fails as too small a part of what the leader holds, and a buy that he sold again already."""


class MirroredSell(Struct, frozen=True, gc=False):
    """What a leader's sell does to our lot."""

    sell: Shares
    keep: Shares


class SoldPart(Struct, frozen=True, gc=False):
    """What a leader sold since we last followed a sell of his, and what he held then; 0 where nobody knows."""

    sold: Shares
    of: Shares

    @property
    def whole(self) -> bool:
        """Say whether he has left; of one of whom nothing is known it counts as that."""
        return self.sold >= self.of

    @property
    def pct(self) -> int:
        """Return the part in millionths of a percent."""
        return HUNDRED_PCT if self.whole else self.sold * HUNDRED_PCT // self.of


def sold_part(signal: ActionableSignal, held: Portfolio) -> SoldPart:
    """Return the part of what the leader holds that he sold, with his sales before that were too small to follow."""
    small = held.sales.shares if held.sales else Shares(0)
    return SoldPart(signal.shares + small, held.behind + small)


def mirrored_sell(signal: ActionableSignal, held: Portfolio, mirror: Mirror) -> MirroredSell:
    """Return how much of the lot goes: all, or the part that the leader sold of what he holds.

    An exit under way has its part already; a leader who sells more than we know of has left whole.
    """
    lot, part = held.lot_shares, sold_part(signal, held)
    stays = min(lot, held.exit.keep) if held.exit else lot
    proportional = mirror == "proportional" and not part.whole
    keep = Shares(stays - stays * part.sold // part.of if proportional else 0)
    return MirroredSell(lot - keep, keep)


def is_small(signal: ActionableSignal, held: Portfolio, limits: TradingLimits) -> bool:
    """Say whether a sell is too small a part of what the leader holds to sell anything of ours."""
    return sold_part(signal, held).pct < limits.min_leader_sell_pct
