"""The books of what is held, as the looks at its losses saw them: one place for all shards of a process."""

from collections.abc import Callable, Collection

from shared.clock import Clock
from shared.domain.market import Book

LOOKED_S = 30.0
"""So long after the last look nobody of this process is the active buyer any more."""


class HeldBooks:
    """The newest book seen of each token; any thread may note one, and any may ask.

    `live` returns the book that is kept in memory and can be trusted now, None for none (`BookCache.sample`).
    """

    def __init__(self, clock: Clock, live: Callable[[str], Book | None] | None = None) -> None:
        self._clock, self._live = clock, live
        self._books: dict[str, Book] = {}
        self._looked_at: float | None = None

    def looked(self) -> None:
        """Note that an active buyer looked at what is held."""
        self._looked_at = self._clock.monotonic()

    def note(self, book: Book) -> None:
        """Take in a book that somebody asked for."""
        self._books[book.token_id] = book

    def get(self, token_id: str) -> Book | None:
        """Return the newest that is known without asking anybody."""
        book = self._live(token_id) if self._live else None
        return book or self._books.get(token_id)

    def keep(self, tokens: Collection[str]) -> None:
        """Forget all others."""
        for token_id in [token for token in tuple(self._books) if token not in tokens]:
            self._books.pop(token_id, None)

    @property
    def active(self) -> bool:
        """Say whether an active buyer of this process looked lately."""
        return self._looked_at is not None and self._clock.monotonic() - self._looked_at < LOOKED_S
