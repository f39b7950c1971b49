"""The losses of a run's open lots, marked to the bids that are known at the moment they are asked for."""

from backtest.domain.market_state import MarketState
from backtest.domain.price_model import PriceQuotes
from backtest.simulation.run_journal import RunLedger
from buyer.strategy.open_losses import lot_loss
from shared.clock import Clock
from shared.domain.ledger_accounts import cost_account, shares_account
from shared.domain.market import Level
from shared.domain.money import Usdc
from shared.messages.decisions import OpenLosses

Mark = tuple[tuple[Level, ...] | None, int]
"""The bids that a lot was marked by, None before any, and its loss."""


class RunLosses:
    """Keeps each lot's mark for as long as its token's bids are the same."""

    def __init__(
        self, ledger: RunLedger, quotes: PriceQuotes, markets: MarketState, clock: Clock, *, on: bool = True
    ) -> None:
        """Build it; not `on`, nobody asks, and no lot is kept."""
        self._ledger, self._quotes, self._markets, self._clock, self._on = ledger, quotes, markets, clock, on
        self._lots: dict[tuple[str, str], tuple[int, int]] = {}
        self._marks: dict[tuple[str, str], Mark] = {}
        """Of the same lots, in the same order."""

    def touch(self, leader: str, token_id: str) -> None:
        """Take in that a lot changed."""
        if not self._on:
            return
        values, lot = self._ledger.values, (leader, token_id)
        shares, cost = values.get(shares_account(*lot), 0), values.get(cost_account(*lot), 0)
        if shares:
            self._lots[lot], self._marks[lot] = (shares, cost), (None, cost)
        elif self._lots.pop(lot, None):
            del self._marks[lot]

    def losses(self, leader: str) -> OpenLosses:
        """Return what all lots have lost, and those of `leader`."""
        total = leaders = 0
        facts_of, bids_at, now_ms = self._markets.facts_of, self._quotes.bids_at, self._clock.now_ms()
        for lot, (marked_by, loss) in self._marks.items():
            facts = facts_of(lot[1])
            bids = None if facts is None else bids_at(lot[1], facts, now_ms)
            if bids is not marked_by:
                loss = lot_loss(*self._lots[lot], bids)  # noqa: PLW2901 - of these bids
                self._marks[lot] = bids, loss
            total += loss
            leaders += loss if lot[0] == leader else 0
        return OpenLosses(total=Usdc(total), leader=Usdc(leaders))
