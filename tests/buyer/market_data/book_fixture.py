"""One token's live book, told by frames and checked by answers."""

from collections import Counter
from typing import Any

from buyer.domain.order_book import BookTrust
from buyer.domain.order_books import OrderBooks
from shared.domain.market import Book
from shared.polymarket.wire.market_channel import read_frame, read_snapshot
from tests.buyer.builders import NOW_MS, TOKEN
from tests.buyer.market_data.channel_fakes import a_frame, raw_book

TRUST = BookTrust()


class Shelf:
    """A book at a time that is moved by hand."""

    def __init__(self, *messages: Any) -> None:
        self.counts: Counter[str] = Counter()
        self.books = OrderBooks(TRUST, lambda what: self.counts.update([what]))
        self.books.want(TOKEN, NOW_MS)
        self.now_ms = NOW_MS
        self.tell(*messages)

    def tell(self, *messages: Any) -> None:
        for message in read_frame(a_frame(*messages)):
            self.books.apply(message, self.now_ms)

    def check(self, **changes: Any) -> str:
        return self.books.check(read_snapshot(raw_book(**changes)), self.now_ms)

    def book(self) -> Book:
        found, against = self.books.read(TOKEN, self.now_ms)
        assert found is not None, against
        return found

    @property
    def against(self) -> str:
        return self.books.read(TOKEN, self.now_ms)[1]
