"""What an open lot would bring by a book. Pure."""

from buyer.strategy.fill_model import walk_book
from shared.domain.ledger_accounts import Lot
from shared.domain.market import Book, MarketFacts
from shared.domain.money import Price, Shares
from shared.messages.account import LotMark

_ANY = Price(0)
_FREE = MarketFacts(token_id="", condition_id="", outcome_index=0, tick=Price(10_000), min_shares=Shares(0))
"""A market without a fee."""


def lot_mark(lot: Lot, book: Book, facts: MarketFacts | None) -> LotMark:
    """Return what the bids of a book pay for a whole lot; `value` is None where nobody knows the market's fee."""
    shares = Shares(lot.shares)
    filled = walk_book(book.bids, "SELL", shares, _ANY, None, facts or _FREE)
    value = None if facts is None else filled.usdc - filled.fee
    return LotMark(key=lot.key, shares=shares, at_ms=book.at_ms, bid=book.best_bid, paid=filled.usdc, value=value)
