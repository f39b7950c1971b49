"""Open any number of files as one history: captures, and rows of every kind (`reading/`), plain, gzipped or zipped."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from backtest.domain.market_events import MarketEvent, merged_events
from backtest.history import capture_events, resolutions
from backtest.history.history_reader import HistoryReader
from backtest.history.market_facts import UNSURE
from backtest.history.reading.file_reader import RowOptions
from backtest.history.reading.row_counts import RowCounts
from backtest.progress_bar import Told, silent
from backtest.results.source_reading import SourceReading, reading_lines
from backtest.simulation.gc_pause import few_collections
from backtest.simulation.latency import LagSamples
from shared.capture.capture import Capture

NO_OPTIONS = RowOptions()


@dataclass
class HistoryFiles:
    """Market events of all files in time order; `readings` says what became of each file's rows.

    `trades` is how many of them are trades, `unsure` what of any order these files leave open; `conditions` are the
    markets traded, `unnamed_tokens` those of which no file tells the market.
    """

    market_events: Iterator[MarketEvent]
    sources: tuple[str, ...]
    captures: tuple[Capture, ...] = ()
    measured: dict[str, LagSamples] = field(default_factory=dict[str, LagSamples])
    counts: tuple[RowCounts, ...] = ()
    trades: int = 0
    unsure: str = ""
    conditions: tuple[str, ...] = ()
    unnamed_tokens: tuple[str, ...] = ()

    @property
    def readings(self) -> tuple[SourceReading, ...]:
        """Return the account of each file's rows; whole once all market events were read."""
        return tuple(counts.reading() for counts in self.counts)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return the same as lines for people."""
        return tuple(reading_lines(self.readings))


def open_history(
    paths: Sequence[Path],
    resolved: Sequence[Path] = (),
    *,
    measure: bool = False,
    lingers_s: float = resolutions.LINGERS_S,
    options: RowOptions = NO_OPTIONS,
    told: Told = silent,
) -> HistoryFiles:
    """Open `paths`; `resolved` are files of how markets resolved.

    Args:
        paths: Captures, or rows of any kind; each of any size.
        resolved: How markets resolved (`resolutions.py`), and their facts where Gamma's own rows are given.
        measure: Read captures once more first, for each source's lags.
        lingers_s: When a market closed that nobody tells the time of: seconds after its last trade here.
        options: What a person says of files that do not.
        told: Told how far reading is.

    Raises:
        BadConfig: a file is not there, cannot be read, or holds nothing that is a trade; DependencyMissing: Parquet.
    """
    reader = HistoryReader(options, paths, told)
    with few_collections():
        for path in paths:
            reader.open(path)
    for path in resolved:
        reader.read_markets(path)
    reader.leave_out_unnamed()
    reader.check_trades(paths)
    sources = [*reader.events(lingers_s)]
    measured: dict[str, LagSamples] = {}
    for capture in reader.captures if measure else ():
        measured |= capture_events.recorded_lags(capture)
    return HistoryFiles(
        merged_events(sources),
        tuple(path.name for path in (*paths, *resolved)),
        tuple(reader.captures),
        measured,
        tuple(reader.counts),
        sum(counts.trades for counts in reader.counts),
        UNSURE if reader.facts_used else "",
        reader.conditions,
        reader.unnamed_tokens,
    )
