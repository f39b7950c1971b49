"""The looks at what lots are worth: kept in memory, one short history a lot, for as long as the lot is held."""

from collections.abc import Collection

from buyer.strategy.exits.lot_value import NO_LOOKS, Look, LotHistory
from buyer.strategy.limits import TradingLimits
from shared.domain.ledger_accounts import lot_key
from shared.domain.money import Price

KEPT_TIMES = 4
"""How many times the longest span that counts is kept."""


class LotLooks:
    """Histories by lot; after a restart each begins anew, and a floor that was set stands in its exit."""

    def __init__(self, limits: TradingLimits) -> None:
        self._limits = limits
        self._histories: dict[str, LotHistory] = {}

    def add(self, leader: str, token_id: str, look: Look, *, steady: bool = False) -> LotHistory:
        """Take in one more look; return the history."""
        key, limits = lot_key(leader, token_id), self._limits.of(leader)
        before = self._histories.get(key, NO_LOOKS)
        history = before.after(look, limits.exit_stand_s * KEPT_TIMES, steady=steady)
        self._histories[key] = history
        return history

    def of(self, leader: str, token_id: str) -> LotHistory:
        """Return what was seen of a lot."""
        return self._histories.get(lot_key(leader, token_id), NO_LOOKS)

    def stood(self, leader: str, token_id: str) -> Price:
        """Return what a share of a lot was worth for some seconds; 0 where nobody can tell."""
        return self.of(leader, token_id).stood(self._limits.of(leader).exit_stand_s)

    def forget(self, leader: str, token_id: str) -> None:
        """Forget a lot that is not held any more."""
        self._histories.pop(lot_key(leader, token_id), None)

    def keep_only(self, lots: Collection[str]) -> None:
        """Forget lots that are not held any more."""
        for key in self._histories.keys() - set(lots):
            del self._histories[key]
