"""Records the books kept in memory as they stand: on a thread of its own, beside the path of an order."""

import threading
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from shared import logs
from shared.clock import Clock
from shared.domain.market import Book
from shared.messages.base import fact_id
from shared.messages.service import BookSeen
from shared.redis.side_stream import SideStream

SIZE = 3_000
"""Bytes a book of 25 levels a side takes, about."""


class WarmBooks(Protocol):
    """Who keeps books in memory (`buyer/market_data/book_cache`)."""

    def warm_tokens(self) -> tuple[str, ...]: ...  # noqa: D102 - a port's two words
    def sample(self, token_id: str) -> Book | None: ...  # noqa: D102


@dataclass
class BookRecorder:
    """Offers a book that changed, once in `every_s` at most, and one that only was vouched for, every `still_ms`.

    What may not be acted on is not recorded either: a record is a book that a decision could have seen.
    """

    books: WarmBooks
    side: SideStream
    clock: Clock
    writer: str
    every_s: float = 1.0
    still_ms: int = 5_000
    _last: dict[str, Book] = field(default_factory=dict[str, Book], init=False)

    def start(self, stop: threading.Event) -> None:
        """Record from now on until `stop`."""
        threading.Thread(target=self._run, args=(stop,), name="book-recorder", daemon=True).start()

    def record_once(self) -> None:
        """Offer what is new. The thread's one step."""
        warm = self.books.warm_tokens()
        self._last = {token: book for token, book in self._last.items() if token in warm}
        for token_id in warm:
            book = self.books.sample(token_id)
            if book and self._is_new(book):
                self._last[token_id] = book
                self.side.offer(partial(self._seen, book, self.clock.now_ms()), SIZE)

    def _is_new(self, book: Book) -> bool:
        last = self._last.get(book.token_id)
        if last is None or book.at_ms - last.at_ms >= self.still_ms:
            return True
        return (book.bids, book.asks, book.tick) != (last.bids, last.asks, last.tick)

    def _seen(self, book: Book, at_ms: int, number: int) -> BookSeen:
        return BookSeen(
            id=fact_id("book", self.writer, book.token_id, at_ms, number),
            emitted_at_ms=at_ms,
            writer=self.writer,
            number=number,
            token_id=book.token_id,
            book=book,
        )

    def _run(self, stop: threading.Event) -> None:
        while not self.clock.wait(stop, self.every_s):
            try:
                self.record_once()
            except Exception:  # noqa: BLE001 - a bug in one book must not end the recording (pitfall 29)
                logs.get_logger("book_recorder").exception("turn_crashed")
