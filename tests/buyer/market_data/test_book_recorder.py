"""Books between decisions, recorded: what changed, what stands still, nothing that may not be acted on."""

import threading
from typing import cast

import fakeredis
import pytest
from msgspec.structs import replace

from buyer.market_data.book_recorder import BookRecorder
from shared.clock import ManualClock
from shared.domain.errors import BadConfig
from shared.domain.market import Book, Level
from shared.messages.base import BOOKS
from shared.messages.events import read_event
from shared.messages.service import BookSeen
from shared.redis.side_stream import SideStream
from tests.amounts import D
from tests.buyer.builders import NOW_MS, TOKEN, a_book, some_settings


class Shelf:
    """Books that a test puts there; None is one that may not be acted on."""

    def __init__(self) -> None:
        self.books: dict[str, Book | None] = {}

    def warm_tokens(self) -> tuple[str, ...]:
        return tuple(self.books)

    def sample(self, token_id: str) -> Book | None:
        return self.books[token_id]


class Rig:
    """A recorder whose rounds are made by hand."""

    def __init__(self) -> None:
        self.clock, self.redis, self.shelf = ManualClock(NOW_MS), fakeredis.FakeRedis(decode_responses=True), Shelf()
        stop = threading.Event()
        stop.set()
        self.side = SideStream(self.redis, BOOKS, clock=self.clock, stop=stop)
        self.recorder = BookRecorder(self.shelf, self.side, self.clock, "buyer-0@here:1")

    def record_once(self, book: Book | None, token_id: str = TOKEN) -> None:
        self.shelf.books[token_id] = book
        self.recorder.record_once()
        self.clock.advance(1)

    def recorded(self) -> list[BookSeen]:
        self.side.write_out()
        rows = cast("list[tuple[str, dict[str, str]]]", self.redis.xrange(BOOKS))
        return [cast("BookSeen", read_event(fields["json"])) for _, fields in rows]


def a_warm_book(ask: str, vouched_at_ms: int = NOW_MS) -> Book:
    asks = (Level(price=D(ask), shares=D(50)),)
    return replace(a_book(), asks=asks, at_ms=vouched_at_ms, source="socket")


def test_a_book_is_recorded_when_it_changed_and_not_when_it_did_not() -> None:
    rig = Rig()
    books = [a_warm_book("0.51"), a_warm_book("0.51", NOW_MS + 900), a_warm_book("0.52", NOW_MS + 1900)]

    for book in books:
        rig.record_once(book)

    assert [seen.book for seen in rig.recorded()] == [books[0], books[2]]
    assert [(seen.number, seen.emitted_at_ms) for seen in rig.recorded()] == [(1, NOW_MS), (2, NOW_MS + 2000)]


def test_a_quiet_book_is_recorded_again_when_something_vouched_for_it() -> None:
    rig = Rig()

    rig.record_once(a_warm_book("0.51"))
    rig.record_once(a_warm_book("0.51", NOW_MS + 4_999))
    rig.record_once(a_warm_book("0.51", NOW_MS + 5_000))

    assert [seen.book.at_ms for seen in rig.recorded()] == [NOW_MS, NOW_MS + 5_000]


def test_recording_books_without_keeping_any_is_refused_with_the_fix() -> None:
    with pytest.raises(BadConfig, match=r"CAPTURE_BOOKS=true.*set WARM_TOKENS"):
        some_settings("--capture-books", "--warm-tokens", "0")


def test_what_may_not_be_acted_on_is_not_recorded_and_what_is_not_kept_is_forgotten() -> None:
    rig = Rig()

    rig.record_once(None)
    rig.record_once(a_warm_book("0.51"))
    rig.shelf.books.clear()
    rig.recorder.record_once()
    rig.record_once(a_warm_book("0.51"))

    assert [seen.number for seen in rig.recorded()] == [1, 2]
