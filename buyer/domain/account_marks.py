"""What open lots would bring, and how the whole account stands with that. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from buyer.strategy.fill_model import walk_book
from shared.domain import ledger_accounts as accounts
from shared.domain.ledger_accounts import COST, Lot
from shared.domain.market import Book, MarketFacts
from shared.domain.money import Price, Shares, Usdc
from shared.messages.account import EquityPoint, LotMark

_ANY = Price(0)
_FREE = MarketFacts(token_id="", condition_id="", outcome_index=0, tick=Price(10_000), min_shares=Shares(0))
"""A market without a fee."""


def lot_mark(lot: Lot, book: Book, facts: MarketFacts | None) -> LotMark:
    """Return what the bids of a book pay for a whole lot; `value` is None where nobody knows the market's fee."""
    shares = Shares(lot.shares)
    filled = walk_book(book.bids, "SELL", shares, _ANY, None, facts or _FREE)
    value = None if facts is None else filled.usdc - filled.fee
    return LotMark(key=lot.key, shares=shares, at_ms=book.at_ms, bid=book.best_bid, paid=filled.usdc, value=value)


def marked_value(lot: Lot, mark: LotMark | None) -> Usdc | None:
    """Return what a lot would bring by its mark; where shares came or went since, each at the mark's price."""
    if mark is None or mark.value is None or mark.shares <= 0:
        return None
    return mark.value if mark.shares == lot.shares else Usdc(mark.value * lot.shares // mark.shares)


def unrealized_sum(lots: Sequence[Lot], marks: Iterable[LotMark]) -> Usdc | None:
    """Return how far all lots stand above their cost; None where one has no mark."""
    worth = {mark.key: mark for mark in marks}
    total = 0
    for lot in lots:
        value = marked_value(lot, worth.get(lot.key))
        if value is None:
            return None
        total += value - lot.cost
    return Usdc(total)


def equity_point(values: Mapping[str, int], unrealized: Usdc | None, at_ms: int) -> EquityPoint:
    """Return how the account stands: cash, lots and what is set aside always come to `deposited` and `realized`."""
    realized, deposited = values.get(accounts.REALIZED, 0), values.get(accounts.DEPOSITED, 0)
    return EquityPoint(
        at_ms=at_ms,
        equity=None if unrealized is None else Usdc(deposited + realized + unrealized),
        cash=Usdc(values.get(accounts.CASH, 0)),
        cost=Usdc(sum(value for name, value in values.items() if name.startswith(COST))),
        realized=Usdc(realized),
        fees=Usdc(values.get(accounts.FEES, 0)),
        deposited=Usdc(deposited),
    )
