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

Mark = tuple[tuple[Level, ...], int]
"""The bids that a lot was marked by, and its loss."""


class RunLosses:
    """Keeps each lot's mark for as long as its token's bids are the same."""

    def __init__(self, ledger: RunLedger, quotes: PriceQuotes, markets: MarketState, clock: Clock) -> None:
        self._ledger, self._quotes, self._markets, self._clock = ledger, quotes, markets, clock
        self._lots: dict[tuple[str, str], tuple[int, int]] = {}
        self._marks: dict[tuple[str, str], Mark] = {}

    def touch(self, leader: str, token_id: str) -> None:
        """Take in that a lot changed."""
        values, lot = self._ledger.values, (leader, token_id)
        shares, cost = values.get(shares_account(*lot), 0), values.get(cost_account(*lot), 0)
        self._marks.pop(lot, None)
        if shares:
            self._lots[lot] = shares, cost
        else:
            self._lots.pop(lot, None)

    def losses(self, leader: str) -> OpenLosses:
        """Return what all lots have lost, and those of `leader`."""
        total = leaders = 0
        for lot in self._lots:
            loss = self._loss(lot)
            total += loss
            leaders += loss if lot[0] == leader else 0
        return OpenLosses(total=Usdc(total), leader=Usdc(leaders))

    def _loss(self, lot: tuple[str, str]) -> int:
        facts = self._markets.facts_of(lot[1])
        if facts is None:
            return self._lots[lot][1]
        bids = self._quotes.bids_at(lot[1], facts, self._clock.now_ms())
        known = self._marks.get(lot)
        if known is None or known[0] is not bids:
            known = self._marks[lot] = bids, lot_loss(*self._lots[lot], bids)
        return known[1]
