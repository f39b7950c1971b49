"""CLOB REST: what is public."""

from shared.clock import Clock
from shared.domain.errors import Malformed
from shared.domain.market import Book
from shared.http.client import Upstream
from shared.polymarket.wire.parsing import parse_book
from shared.rate_limit.limits import GateLane


def fetch_book(clob: Upstream, token_id: str, clock: Clock, lane: GateLane = GateLane.ORDERS) -> Book:
    """Return one token's book now, as old as a cache on the way had kept it (pitfall 56).

    Raises:
        TryAgain: throttled or away.
        Rejected: status 404 when nobody can trade the token (not listed yet, or resolved).
        Malformed: the answer is no book, or another token's.
    """
    raw, kept_ms = clob.get_aged("/book", {"token_id": token_id}, lane=lane)
    book = parse_book(raw, clock.now_ms() - kept_ms)
    if book.token_id != token_id:
        raise Malformed(f"asked for the book of {token_id}, got that of {book.token_id}")
    return book
