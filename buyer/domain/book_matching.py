"""The match of an order with the book it meets: paper's outcome, which live ones are compared with. Pure."""

from msgspec.structs import replace

from buyer.strategy.fill_model import ModelFill, acceptable_levels, meet_book, off_grid
from shared.domain.market import Book, MarketFacts
from shared.domain.money import Shares, Usdc
from shared.messages.decisions import Order, Outcome, PaperOutcome


def outcome_of(order: Order, book: Book, facts: MarketFacts) -> Outcome:
    """Return what becomes of `order` on `book`, taker's fee included; what it does not fill at once is killed (FAK).

    The outcome's `book` is cut to what it depends on: the same order on it has the same outcome.
    """
    refused = venue_refusal(order, book)
    if refused:
        return nothing_filled(refused, _best_levels(book) if book.crossed else book.bare())
    filled, met = meet_book(order, book, facts), _reachable(book, order)
    return _matched(filled, order, met) if filled.shares else nothing_filled("no orders found to match", met)


def venue_refusal(order: Order, book: Book) -> str:
    """Return why an order cannot meet a book at all, '' where it can."""
    if off_grid(order, book):
        return off_grid(order, book)
    return "the book is crossed, so nobody can tell what it gives" if book.crossed else ""


def nothing_filled(reason: str, met: Book | None) -> Outcome:
    """Return the outcome of an order that got nothing."""
    return Outcome(state="REJECTED", shares=Shares(0), usdc=Usdc(0), fee=Usdc(0), reason=reason, book=met)


def paper_beside(outcome: Outcome, order: Order, book: Book | None, facts: MarketFacts) -> Outcome:
    """Return a live outcome with paper's of the same order on `book`, the one seen right before it was sent."""
    if book is None:
        return outcome
    paper = outcome_of(order, book, facts)
    compared = PaperOutcome(
        state=paper.state,
        shares=paper.shares,
        usdc=paper.usdc,
        fee=paper.fee,
        reason=paper.reason,
        book_at_ms=book.at_ms,
    )
    return replace(outcome, paper=compared)


def _reachable(book: Book, order: Order) -> Book:
    """Return only the levels this order could hit: all that its outcome depends on."""
    levels = tuple(
        level for level in book.against(order.side) if acceptable_levels(level.price, order.side, order.limit_price)
    )
    return replace(book.bare(), **{"asks" if order.side == "BUY" else "bids": levels})


def _best_levels(book: Book) -> Book:
    return replace(book, bids=book.bids[:1], asks=book.asks[:1])


def _matched(filled: ModelFill, order: Order, met: Book) -> Outcome:
    full = filled.shares == order.shares
    return Outcome(
        state="MATCHED",
        shares=filled.shares,
        usdc=filled.usdc,
        fee=filled.fee,
        reason="filled" if full else "partly filled, the rest killed",
        book=met,
    )
