"""The marks of open lots: their books are looked at a few at a time, beside the signals."""

from collections.abc import Callable, Sequence

from buyer.market_data.held_books import HeldBooks
from buyer.market_data.price_feed import MarketPriceFeed
from buyer.strategy.open_losses import Bids, open_losses
from shared.clock import Clock
from shared.domain.ledger_accounts import Lot
from shared.messages.decisions import OpenLosses

EVERY_S = 1.0
TOKENS_AT_ONCE = 4
"""Tokens whose books are looked at in one go: signals must not wait for a hundred."""


class LossMarker:
    """Keeps the last known bids of every token that is held; one thread works, any may ask."""

    def __init__(
        self, lots: Callable[[], Sequence[Lot]], prices: MarketPriceFeed, clock: Clock, held: HeldBooks | None = None
    ) -> None:
        self._read_lots, self._prices, self._clock = lots, prices, clock
        self._held = held or HeldBooks(clock)
        self._lots: Sequence[Lot] = ()
        self._bids: dict[str, Bids] = {}
        self._next, self._looked = 0.0, 0

    def work_due(self) -> None:
        """Read the lots and look at the next few books, once a second at most; those never seen come first.

        Raises:
            Unavailable: the ledger is away.
        """
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + EVERY_S
        self._held.looked()
        self._lots = self._read_lots()
        tokens = list(dict.fromkeys(lot.token_id for lot in self._lots))
        self._bids = {token: bids for token, bids in self._bids.items() if token in tokens}
        for token in self._due(tokens):
            book, _ = self._prices.book(token)
            if book is not None:
                self._bids[token] = book.bids
                self._held.note(book)

    def losses(self, leader: str) -> OpenLosses:
        """Return what all lots have lost, and those of `leader`."""
        return open_losses(self._lots, self._bids.get, leader)

    def _due(self, tokens: list[str]) -> list[str]:
        unseen = [token for token in tokens if token not in self._bids][:TOKENS_AT_ONCE]
        start = self._looked % max(1, len(tokens))
        self._looked += TOKENS_AT_ONCE
        return unseen or (tokens[start:] + tokens[:start])[:TOKENS_AT_ONCE]
