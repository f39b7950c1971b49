"""Open any number of files as one history: captures, and rows of every kind (`reading/`), plain, gzipped or zipped."""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from backtest.domain.market_events import MarketEvent, merged_events
from backtest.history import capture_events, resolutions
from backtest.history.external_sort import by_time
from backtest.history.market_names import MarketNames
from backtest.history.reading.file_reader import RowOptions, open_rows
from backtest.history.reading.history_row import HistoryRow
from backtest.history.reading.row_counts import RowCounts
from backtest.history.reading.text_files import FileMember, file_members, file_texts
from backtest.history.redemptions import PaidTotals, RedemptionRules
from backtest.history.row_blocks import RowBlocks
from backtest.history.trade_grouping import row_events
from backtest.results.source_reading import SourceReading, reading_lines
from backtest.simulation.gc_pause import few_collections
from backtest.simulation.latency import LagSamples
from shared.capture.capture import Capture, is_capture
from shared.domain.errors import BadConfig, Malformed

NO_OPTIONS = RowOptions()


@dataclass
class HistoryFiles:
    """Market events of all files in time order; `readings` says what became of each file's rows."""

    market_events: Iterator[MarketEvent]
    sources: tuple[str, ...]
    captures: tuple[Capture, ...] = ()
    measured: dict[str, LagSamples] = field(default_factory=dict[str, LagSamples])
    counts: tuple[RowCounts, ...] = ()
    rows: int = 0

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
) -> HistoryFiles:
    """Open `paths`; `resolved` are files of how markets resolved.

    Args:
        paths: Captures, or rows of any kind; each of any size.
        resolved: See `resolutions.py`.
        measure: Read captures once more first, for each source's lags.
        lingers_s: When a market closed that nobody tells the time of: seconds after its last trade here.
        options: What a person says of files that do not.

    Raises:
        BadConfig: a file is not there, cannot be read, or holds nothing that is a trade; DependencyMissing: Parquet.
    """
    reader = _Reader(options)
    with few_collections():
        for path in paths:
            reader.open(path)
    reader.check_trades(paths)
    known: dict[str, resolutions.KnownResolutions] = {}
    for path in resolved:
        known |= reader.resolutions(path)
    sources = [*reader.events({name: found.payouts for name, found in known.items()})]
    sources.append(resolutions.resolution_events(known, reader.last_ms, lingers_s))
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
    )


class _Reader:
    """Opens files and remembers what they held."""

    def __init__(self, options: RowOptions) -> None:
        self._options = options
        self.captures: list[Capture] = []
        self.counts: list[RowCounts] = []
        self.last_ms: dict[str, int] = {}
        self._ordered: list[Iterator[HistoryRow]] = []
        self._blocks, self._names, self._paid = RowBlocks(), MarketNames(), PaidTotals()

    def open(self, path: Path) -> None:
        """Take one file in; one of rows is read to its end, which sorts it."""
        if is_capture(path):
            self.captures.append(Capture.open(path))
            return
        for member in file_members(path):
            self._read(member)

    def check_trades(self, paths: Sequence[Path]) -> None:
        """Check that something is a trade.

        Raises:
            BadConfig: nothing is; what was found instead is said.
        """
        if self.captures or any(counts.trades for counts in self.counts):
            return
        found = "; ".join(reading_lines([counts.reading() for counts in self.counts])) or "nothing in it"
        raise BadConfig(f"no trades in {', '.join(path.name for path in paths)}: {found}")

    def events(self, payouts: dict[str, resolutions.Payouts]) -> Iterator[Iterator[MarketEvent]]:
        """Yield the captures' events, then those of all rows; each in time order."""
        yield from map(capture_events.captured_events, self.captures)
        if self._ordered:
            yield self._of_rows(payouts)

    def _of_rows(self, payouts: dict[str, resolutions.Payouts]) -> Iterator[MarketEvent]:
        one = self._ordered
        rows = one[0] if len(one) == 1 else heapq.merge(*one, key=itemgetter(0))
        happened = row_events(rows, self._blocks.name_of, self._names, self._blocks.arrange)
        rules = RedemptionRules(payouts, self._paid.by_market(self._names))
        yield from rules.settle(happened)
        self._blocks.finish()
        if rules.unsettled:
            words = "markets that leaders redeemed, of which nobody can tell how they resolved"
            self.counts[0].remarks.append(f"{words}: {rules.unsettled}")

    def _read(self, member: FileMember) -> None:
        counts = RowCounts(member.name)
        self.counts.append(counts)
        try:
            reader, rows = open_rows(member, counts, self._options)
            self._ordered.append(by_time(self._used(self._blocks.numbered(rows, reader, counts), counts)))
        except Malformed as error:
            raise BadConfig(f"{member.name}: {error}") from error
        if counts.rows and not counts.used:
            raise BadConfig(f"no row of {member.name} can be read: {'; '.join(reading_lines([counts.reading()]))}")

    def _used(self, rows: Iterator[HistoryRow], counts: RowCounts) -> Iterator[HistoryRow]:
        last_ms, names, use = self.last_ms, self._names, counts.use
        wanted = self._options.leader
        for row in rows:
            hint = row.hint
            if wanted and row.leader != wanted:
                counts.kinds["of another wallet"] += 1
                continue
            use(row.kind)
            if row.traded_ms > last_ms.get(hint[0], 0):
                last_ms[hint[0]] = row.traded_ms
            names.learn(row.token_id, hint)
            if row.kind == "REDEEM":
                self._paid.learn(row)
            yield row

    def resolutions(self, path: Path) -> dict[str, resolutions.KnownResolutions]:
        """Return what a file says of how markets resolved, and count it."""
        known: dict[str, resolutions.KnownResolutions] = {}
        for name, lines in file_texts(path):
            left_open: list[str] = []
            try:
                found = resolutions.read_resolutions(lines, name, left_open)
            except Malformed as error:
                raise BadConfig(str(error)) from error
            known |= found
            counts = RowCounts(name)
            counts.form, counts.rows = "resolutions", len(found) + len(left_open)
            counts.kinds["resolved"] = len(found)
            for words in left_open:
                counts.leave_out("the market stays open, as nobody won it", words)
            self.counts.append(counts)
        return known
