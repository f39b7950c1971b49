"""A history that is kept is read once, and comes back the same as often as it is asked for."""

import csv
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import pytest

from backtest.backtest import run_backtest
from backtest.domain.market_events import MarketEvent
from backtest.history.history_files import open_history
from backtest.history.kept_events import BATCH, KeptEvents
from shared.capture.capture import FolderWriter, Header
from shared.domain.market import Book, Level
from shared.messages.base import SIGNALS
from shared.messages.events import write_event
from shared.messages.signals import ActionableSignal
from shared.redis.streams import StreamEntry
from tests.backtest.histories import MICRO, D, a_trade, at, models, resolves
from tests.buyer.builders import TOKEN, a_market, some_settings

BATCHES = 3

pytestmark = pytest.mark.slow


def a_history() -> list[MarketEvent]:
    """Return trades, facts, books and a resolution: some batches of them."""
    trades = [a_trade(10 * n, f"0.{20 + n % 60}") for n in range(BATCHES * BATCH)]
    book = Book(token_id=TOKEN, at_ms=at(0), bids=(Level(price=D("0.4"), shares=D(9)),))
    known = [MarketEvent(at(0), a_market()), MarketEvent(at(0), book)]
    return [*known, *trades, resolves(10 * len(trades), "1", "0")]


def a_capture(folder: Path) -> Path:
    out = FolderWriter(folder / "capture", Header(0))
    signals = [event.what for event in a_history()[:30] if isinstance(event.what, ActionableSignal)]
    texts = map(write_event, signals)
    out.write([StreamEntry(SIGNALS, f"{n}-0", {"event": "", "json": text}) for n, text in enumerate(texts, start=1)])
    out.close()
    return folder / "capture"


def a_csv(folder: Path) -> Path:
    names = ["wallet_addr", "tx_hash", "timestamp", "side", "outcome", "size", "usdc", "market"]
    with (folder / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(names)
        rows.writerows(
            ["0x" + "ab" * 20, f"0x{n // 2:064x}", 1_790_000_000 + n // 2, "BUY", "Yes", n + 6, 3, "M?"]
            for n in range(30)
        )
    return folder / "rows.csv"


@pytest.mark.parametrize("at_hand_bytes", [0, 1, 1 << 30])
def test_events_come_back_as_they_were_also_side_by_side_and_are_read_once(at_hand_bytes: int) -> None:
    read = list[int]()

    def source() -> Iterator[MarketEvent]:
        for event in a_history():
            read.append(event.at_ms)
            yield event

    kept = KeptEvents(source(), at_hand_bytes)

    wanted = list(iter(a_history()))
    one, two = iter(kept), iter(kept)
    begun = [*list(islice(one, BATCH // 2)), *list(islice(one, BATCH))]
    assert list(two) == wanted
    assert begun + list(one) == wanted
    assert list(iter(kept)) == wanted
    assert len(read) == len(wanted)


@pytest.mark.parametrize("made", [a_capture, a_csv])
def test_trades_of_every_kind_of_file_come_back_with_their_signals(
    made: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = made(tmp_path)

    wanted = list(open_history([path]).market_events)

    assert len(wanted) > 10
    assert list(iter(KeptEvents(open_history([path]).market_events, 0))) == wanted


def test_a_run_comes_to_the_same_from_the_file() -> None:
    limits = some_settings("--max-day-usdc", "100000", "--max-market-usdc", "100000").limits

    fresh, kept = (
        run_backtest(events, limits, 1000 * MICRO, models(), keep_skips=True)
        for events in (a_history()[:300], KeptEvents(a_history()[:300], 0))
    )

    assert fresh.bought
    assert kept == fresh
