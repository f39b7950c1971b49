"""Open any number of files as one history: captures, the venue's rows as JSON, CSV; plain, gzipped or zipped."""

import gzip
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import IO

from backtest.domain.market_events import MarketEvent, merged_events
from backtest.history import capture_events, resolutions
from backtest.history.api_rows import ApiRows
from backtest.history.csv_rows import CsvRows
from backtest.history.external_sort import by_time
from backtest.history.trade_grouping import TradeRow, trades_of
from backtest.simulation.gc_pause import few_collections
from backtest.simulation.latency import LagSamples
from shared.capture.capture import Capture, is_capture
from shared.domain.errors import BadConfig


@dataclass
class HistoryFiles:
    """Market events of all files in time order; `notes` says what was left out of each, and why."""

    market_events: Iterator[MarketEvent]
    sources: tuple[str, ...]
    notes: tuple[str, ...] = ()
    captures: tuple[Capture, ...] = ()
    measured: dict[str, LagSamples] = field(default_factory=dict[str, LagSamples])


def open_history(
    paths: Sequence[Path],
    resolved: Sequence[Path] = (),
    *,
    measure: bool = False,
    lingers_s: float = resolutions.LINGERS_S,
) -> HistoryFiles:
    """Open `paths`; `resolved` are files of how markets resolved.

    Args:
        paths: Captures, CSV or JSON rows; each of any size.
        resolved: See `resolutions.py`.
        measure: Read captures once more first, for each source's lags.
        lingers_s: When a market closed that nobody tells the time of: seconds after its last trade here.

    Raises:
        BadConfig: a file is not there, or of no known kind; Malformed: it cannot be read.
    """
    reader = _Reader()
    with few_collections():
        sources = [reader.open(path) for path in paths]
    known: dict[str, resolutions.KnownResolutions] = {}
    for path in resolved:
        for name, lines in file_texts(path):
            left_open: list[str] = []
            known |= resolutions.read_resolutions(lines, name, left_open)
            if left_open:
                reader.notes.append(f"{name}: markets left open: {len(left_open)} (first: {left_open[0]})")
    sources.append(resolutions.resolution_events(known, reader.last_ms, lingers_s))
    measured: dict[str, LagSamples] = {}
    for capture in reader.captures if measure else ():
        measured |= capture_events.recorded_lags(capture)
    names = tuple(path.name for path in (*paths, *resolved))
    return HistoryFiles(merged_events(sources), names, tuple(reader.notes), tuple(reader.captures), measured)


class _Reader:
    """Opens files and remembers what they held."""

    def __init__(self) -> None:
        self.captures: list[Capture] = []
        self.notes: list[str] = []
        self.last_ms: dict[str, int] = {}

    def open(self, path: Path) -> Iterator[MarketEvent]:
        """Return one file's market events in time order."""
        if is_capture(path):
            self.captures.append(Capture.open(path))
            return capture_events.captured_events(self.captures[-1])
        return merged_events([self._rows(name, lines) for name, lines in file_texts(path)])

    def _rows(self, name: str, lines: Iterator[str]) -> Iterator[MarketEvent]:
        """Sort a file's rows, which reads it to its end."""
        first = next(lines, "")
        kind = ApiRows(name) if first.lstrip()[:1] in {"[", "{"} else CsvRows(name)
        ordered = by_time(self._seen(kind.read(chain([first], lines))))
        if str(kind.left_out):
            self.notes.append(f"{name}: left out: {kind.left_out}")
        if kind.left_out.remarks:
            self.notes.append(f"{name}: {kind.left_out.remarks}")
        return trades_of(ordered, name)

    def _seen(self, rows: Iterable[TradeRow]) -> Iterator[TradeRow]:
        last_ms = self.last_ms
        for row in rows:
            condition = row.hint[0]
            if row.traded_ms > last_ms.get(condition, 0):
                last_ms[condition] = row.traded_ms
            yield row


def file_texts(path: Path) -> Iterator[tuple[str, Iterator[str]]]:
    """Yield each text in a file, as lines, with its name.

    Raises:
        BadConfig: no such file, or its archive is broken.
    """
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    with archive.open(name) as member:
                        yield f"{path.name}/{name}", _lines(member)
        elif path.suffix == ".gz":
            with gzip.open(path) as packed:
                yield path.name, _lines(packed)
        else:
            with path.open("rb") as plain:
                yield path.name, _lines(plain)
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror or error}") from error
    except zipfile.BadZipFile as error:
        raise BadConfig(f"{path}: not a zip archive: {error}") from error


def _lines(file: IO[bytes] | gzip.GzipFile) -> Iterator[str]:
    return iter(io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline=""))
