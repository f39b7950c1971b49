"""Reads files of rows and of markets to their end, and tells afterwards what happened in them, in time order."""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import cast

from backtest.domain.market_events import MarketEvent
from backtest.domain.market_state import ResolvedMarket
from backtest.history import capture_events, resolutions
from backtest.history.external_sort import SortedRows, merged_rows
from backtest.history.market_facts import as_then, gamma_markets, hint_of_facts
from backtest.history.market_names import MarketNames
from backtest.history.reading.file_reader import RowOptions, open_rows
from backtest.history.reading.history_row import Hint, HistoryRow, alone_market, market_id
from backtest.history.reading.row_counts import RowCounts
from backtest.history.reading.text_files import FileMember, file_members, file_texts
from backtest.history.redemptions import PaidTotals, Redemption, RedemptionRules
from backtest.history.resolutions import KnownResolutions
from backtest.history.row_blocks import RowBlocks
from backtest.history.trade_grouping import row_events
from backtest.progress_bar import EVERY, Told
from backtest.results.source_reading import reading_lines
from shared.capture.capture import Capture, is_capture
from shared.domain.errors import BadConfig, Malformed
from shared.domain.market import MarketFacts
from shared.polymarket.gamma import parse_markets


class HistoryReader:
    """Opens files and remembers what they held."""

    def __init__(self, options: RowOptions, paths: Sequence[Path], told: Told) -> None:
        self._options, self._told = options, told
        self._bytes = sum(path.stat().st_size for path in paths if path.is_file()) or 1
        self._done = 0
        self.captures: list[Capture] = []
        self.counts: list[RowCounts] = []
        self.facts_used = 0
        self._facts: list[MarketFacts] = []
        self._known: dict[str, KnownResolutions] = {}
        self._last: dict[str, tuple[int, str, Hint]] = {}
        self._first: dict[str, tuple[int, Hint]] = {}
        self._ordered: list[SortedRows] = []
        self._blocks, self._names, self._paid = RowBlocks(), MarketNames(), PaidTotals()

    def open(self, path: Path) -> None:
        """Take one file in; one of rows is read to its end, which sorts it."""
        if is_capture(path):
            self.captures.append(Capture.open(path))
            return
        for member in file_members(path):
            self._read(member)
        self._done += path.stat().st_size

    def check_trades(self, paths: Sequence[Path]) -> None:
        """Check that something is a trade.

        Raises:
            BadConfig: nothing is; what was found instead is said.
        """
        if self.captures or any(counts.trades for counts in self.counts):
            return
        found = "; ".join(reading_lines([counts.reading() for counts in self.counts])) or "nothing in it"
        raise BadConfig(f"no trades in {', '.join(path.name for path in paths)}: {found}")

    def events(self, lingers_s: float) -> Iterator[Iterator[MarketEvent]]:
        """Yield the captures' events, the markets' facts, all rows and how markets resolved; each in time order."""
        yield from map(capture_events.captured_events, self.captures)
        known = {self._names.real(name): found for name, found in self._known.items()}
        if self._ordered:
            known |= self._proven(known)
            yield self._facts_when_traded()
            yield self._of_rows(known)
        last_ms: dict[str, int] = {}
        for condition, (at_ms, token, hint) in self._last.items():
            real = self._names.named(token, hint)[1][0] if hint[0] == condition else condition
            last_ms[real] = max(at_ms, last_ms.get(real, 0))
        yield resolutions.resolution_events(known, last_ms, lingers_s)

    def _proven(self, known: Mapping[str, KnownResolutions]) -> dict[str, KnownResolutions]:
        """Return what redemptions prove of markets of which no file tells, by going through all rows once before."""
        if not self._redeems:
            return {}
        rules = self._redemption_rules(known)
        found: dict[str, KnownResolutions] = {}
        for event in rules.settle(self._happened()):
            if isinstance(event.what, ResolvedMarket):
                found[event.what.condition_id] = KnownResolutions(event.what.payouts, by_ms=event.at_ms)
        self._blocks.counting = False
        if rules.unsettled:
            words = "markets that leaders redeemed, of which nobody can tell how they resolved"
            self.counts[0].remarks.append(f"{words}: {rules.unsettled}")
        return found

    @property
    def _redeems(self) -> bool:
        """Say whether any row is a redemption."""
        return any(counts.kinds.get("REDEEM") for counts in self.counts)

    @property
    def unnamed_tokens(self) -> tuple[str, ...]:
        """Return the traded tokens of which no file tells a market."""
        return tuple(token for token, (_, hint) in self._first.items() if hint[0] == alone_market(token))

    @property
    def conditions(self) -> tuple[str, ...]:
        """Return the ids of the traded markets, as far as files know them."""
        made = (market_id(hint[3]) for _, _, hint in self._last.values())
        alone = (alone_market(token) for _, token, _ in self._last.values())
        return tuple(sorted(self._last.keys() - {*made, *alone}))

    def _facts_when_traded(self) -> Iterator[MarketEvent]:
        """Return what files say of traded tokens, from the first trade on."""
        first_ms: dict[str, int] = {}
        for token, (at_ms, hint) in self._first.items():
            real = self._names.named(token, hint)[0]
            first_ms[real] = min(at_ms, first_ms.get(real, at_ms))
        told = [
            MarketEvent(first_ms[fact.token_id], as_then(fact)) for fact in self._facts if fact.token_id in first_ms
        ]
        self.facts_used = len(told)
        return iter(sorted(told, key=itemgetter(0)))

    def _of_rows(self, known: Mapping[str, KnownResolutions]) -> Iterator[MarketEvent]:
        happened = self._happened()
        settled = self._redemption_rules(known).settle(happened) if self._redeems else happened
        yield from cast("Iterator[MarketEvent]", settled)
        self._blocks.finish()

    def _redemption_rules(self, known: Mapping[str, KnownResolutions]) -> RedemptionRules:
        payouts = {name: found.payouts for name, found in known.items()}
        return RedemptionRules(payouts, self._paid.by_market(self._names))

    def _happened(self) -> Iterator[MarketEvent | Redemption]:
        return row_events(merged_rows(self._ordered), self._blocks.name_of, self._names, self._blocks.arrange)

    def _read(self, member: FileMember) -> None:
        counts = RowCounts(member.name)
        self.counts.append(counts)
        try:
            reader, rows = open_rows(member, counts, self._options)
            self._ordered.append(SortedRows(self._used(self._blocks.numbered(rows, reader, counts), counts, member)))
        except Malformed as error:
            raise BadConfig(f"{member.name}: {error}") from error
        if counts.rows and not counts.used:
            raise BadConfig(f"no row of {member.name} can be read: {'; '.join(reading_lines([counts.reading()]))}")

    def _used(self, rows: Iterator[HistoryRow], counts: RowCounts, member: FileMember) -> Iterator[HistoryRow]:
        last, first, names, use = self._last, self._first, self._names, counts.use
        wanted = self._options.leader
        for number, row in enumerate(rows):
            if not number % EVERY:
                self._told("reading", (self._done + member.place()) / self._bytes)
            at_ms, leader, _, token, _, _, _, _, hint, _, _, kind, _, _ = row
            if wanted and leader != wanted:
                counts.kinds["of another wallet"] += 1
                continue
            use(kind)
            known = last.get(hint[0])
            if kind == "TRADE" and (known is None or at_ms > known[0]):
                last[hint[0]] = (at_ms, token, hint)
            seen = first.get(token)
            if seen is None or hint is not seen[1]:  # else they are learned already
                names.learn(token, hint)
            if seen is None or at_ms < seen[0]:
                first[token] = (at_ms, hint)
            if kind == "REDEEM":
                self._paid.learn(row)
            yield row

    def read_markets(self, path: Path) -> None:
        """Take in what a file says of markets: how they resolved and when, and, of Gamma's, their facts."""
        for name, text in file_texts(path):
            lines, left_open = list(text), list[str]()
            try:
                found = resolutions.read_resolutions(lines, name, left_open)
            except Malformed as error:
                raise BadConfig(str(error)) from error
            self._known |= found
            counts = RowCounts(name)
            counts.form, counts.rows = "resolutions", len(found) + len(left_open)
            counts.kinds["resolved"] = len(found)
            for words in left_open:
                counts.leave_out("the market stays open, as nobody won it", words)
            if resolutions.is_json(lines):
                self._learn_facts(lines, counts)
            self.counts.append(counts)

    def _learn_facts(self, lines: Sequence[str], counts: RowCounts) -> None:
        facts, problems = parse_markets(gamma_markets(lines))
        self._facts += facts
        for fact in facts:
            self._names.learn(fact.token_id, hint_of_facts(fact))
        if problems:
            counts.remarks.append(f"the facts of {len(problems)} markets cannot be read (first: {problems[0]})")
