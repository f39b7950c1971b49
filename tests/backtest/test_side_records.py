"""Books and raw answers in a capture: out again as tables, met by a backtest, unknown to older captures."""

import contextlib
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from backtest.export import export
from backtest.history.capture_tape import read_tape
from backtest.history.history_files import open_history
from backtest.replay.replay import SessionReplay
from backtest.results.result import BacktestResult
from ops.recording.event_source import of_capture
from shared.capture.capture import Capture, FolderWriter, Header
from shared.domain.errors import BadConfig
from shared.messages.base import BOOKS, RAW, SIGNALS, Event
from shared.messages.events import write_event
from shared.messages.service import BookSeen, RawSeen
from shared.messages.signals import ActionableSignal
from shared.redis.streams import StreamEntry
from tests.amounts import D
from tests.backtest.histories import START_MS, a_trade, run
from tests.buyer.builders import TOKEN, a_book

OLDER = Path(__file__).parent / "recordings" / "of_0_1"
"""Made by this program before it knew books and raw answers: 16 decisions of a demo session."""


def a_seen_book(second: float, ask: str, number: int = 1) -> BookSeen:
    at_ms = START_MS + round(second * 1000)
    book = a_book(bids=(("0.49", "7"),), asks=((ask, "1000.5"), ("0.6", "5")), at_ms=at_ms, tick=D("0.01"))
    return BookSeen(
        id=f"b{number}",
        emitted_at_ms=at_ms + 40,
        writer="buyer-0@here:1",
        number=number,
        token_id=TOKEN,
        book=book,
    )


def a_raw(body: str = '[{"price": 0.5}]') -> RawSeen:
    return RawSeen(
        id="r",
        emitted_at_ms=START_MS + 7,
        writer="d",
        number=3,
        source="data_api",
        request="GET /v2/activity",
        status=200,
        body=body,
    )


def captured(folder: Path, records: Sequence[tuple[str, Event]]) -> Path:
    """Write a capture whose entries came when they were emitted."""
    entries = [
        StreamEntry(stream, f"{event.emitted_at_ms}-{number}", {"event": event.event, "json": write_event(event)})
        for number, (stream, event) in enumerate(records)
    ]
    with contextlib.closing(FolderWriter(folder, Header(START_MS))) as out:
        out.write(entries)
    return folder


@pytest.fixture
def capture(tmp_path: Path) -> Capture:
    records = [
        (SIGNALS, _signal()),
        (BOOKS, a_seen_book(1, "0.52")),
        (RAW, a_raw()),
        (BOOKS, a_seen_book(2, "0.53", 4)),
    ]
    return Capture.open(captured(tmp_path / "c", records))


def test_books_are_a_table_of_exact_prices(capture: Capture, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")

    assert export(capture, tmp_path / "books.parquet", "books") == 2

    table = polars.read_parquet(tmp_path / "books.parquet")
    first = table.row(0, named=True)
    assert (first["at_ms"], first["vouched_at_ms"], first["token_id"]) == (START_MS + 1040, START_MS + 1000, TOKEN)
    assert (first["best_bid"], first["best_ask"], first["tick"]) == (Decimal("0.49"), Decimal("0.52"), Decimal("0.01"))
    assert first["asks"] == [
        {"price": Decimal("0.52"), "shares": Decimal("1000.5")},
        {"price": Decimal("0.6"), "shares": Decimal(5)},
    ]
    missing = table.sort("number").select(polars.col("number").diff().drop_nulls() - 1).sum().item()
    assert missing == 2, "the numbers tell how many records were lost"


def test_raw_answers_are_a_table_letter_for_letter(capture: Capture, tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")

    assert export(capture, tmp_path / "raw.parquet", "raw") == 1

    row = polars.read_parquet(tmp_path / "raw.parquet").row(0, named=True)
    assert (row["source"], row["request"], row["status"]) == ("data_api", "GET /v2/activity", 200)
    assert row["body"] == a_raw().body


def test_one_kind_and_all_kinds_are_json_lines_too(capture: Capture, tmp_path: Path) -> None:
    assert export(capture, tmp_path / "all.jsonl") == 4
    assert export(capture, tmp_path / "books.jsonl", "books") == 2
    assert export(capture, tmp_path / "events.jsonl", "events") == 1

    lines = (tmp_path / "books.jsonl").read_text().splitlines()[1:]
    assert [json.loads(line)["event"]["book"]["asks"][0]["price"] for line in lines] == ["0.52", "0.53"]
    with pytest.raises(BadConfig, match="events, books, raw"):
        export(capture, tmp_path / "x.jsonl", "orders")


def test_a_backtest_meets_the_books_that_were_recorded_in_between(tmp_path: Path) -> None:
    with_books = [(SIGNALS, _signal()), (BOOKS, a_seen_book(1.5, "0.51")), (BOOKS, a_seen_book(4, "0.5", 2))]

    met = _run(captured(tmp_path / "c", with_books)).outcomes[0]
    modelled = _run(captured(tmp_path / "d", with_books[:1])).outcomes[0]

    assert (met.evidence, met.best, met.usdc * 100 // met.shares) == ("book", 510_000, 51)
    assert (modelled.evidence, modelled.best) == ("leader", 510_000)
    late = _run(captured(tmp_path / "e", [with_books[0], with_books[2]])).outcomes[0]
    assert late.evidence == "leader", "a book that was looked at after the order is not known to it"


def test_an_older_capture_still_opens_replays_and_exports(tmp_path: Path) -> None:
    older = Capture.open(OLDER)

    tape = read_tape(older)

    assert (len(list(older)), len(tape.decisions), len(tape.signals)) == (63, 16, 16)
    assert len(list(SessionReplay(tape).run())) == 16
    assert len(list(of_capture(OLDER)())) == 63
    assert export(older, tmp_path / "out.jsonl") == 63
    assert export(older, tmp_path / "books.jsonl", "books") == 0
    result = run(open_history([OLDER]).market_events)
    assert (result.signals, result.bought > 0) == (16, True)


def _signal() -> Event:
    (_, trade) = a_trade(0)
    assert isinstance(trade, ActionableSignal)
    return trade


def _run(folder: Path) -> BacktestResult:
    return run(open_history([folder]).market_events)
