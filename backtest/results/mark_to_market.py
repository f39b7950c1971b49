"""The value of open lots at the last known prices. Pure."""

from backtest.domain.price_model import PriceQuotes
from shared.domain.money import MICRO


class LotValuation:
    """What all open lots would bring at the last known prices, kept up to date with each trade (micro-units)."""

    def __init__(self, quotes: PriceQuotes) -> None:
        self._quotes = quotes
        self.shares: dict[str, int] = {}
        self._values: dict[str, int] = {}
        self.total = 0

    def update_price(self, token_id: str) -> None:
        """Take in that a token's price moved."""
        if token_id in self.shares:
            self._set(token_id, self.shares[token_id])

    def add_shares(self, token_id: str, change: int) -> None:
        """Take in that so many micro-shares came or went."""
        self._set(token_id, self.shares.get(token_id, 0) + change)

    def _set(self, token_id: str, shares: int) -> None:
        value = shares * self._quotes.last_trade(token_id).price // MICRO
        self.total += value - self._values.get(token_id, 0)
        if shares:
            self.shares[token_id], self._values[token_id] = shares, value
        else:
            self.shares.pop(token_id, None)
            self._values.pop(token_id, None)
