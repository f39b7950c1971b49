"""Judges of one wallet: each brings its past, from the venue or from files, to the report of `hybrid wallet`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from backtest.history.history_files import open_history
from backtest.history.market_facts import UNSURE
from backtest.history.reading.file_reader import RowOptions
from backtest.history.reading.history_row import row_of
from backtest.history.reading.row_counts import RowCounts
from backtest.history.trade_grouping import trades_of
from backtest.results.copyability import copyability_json
from backtest.results.source_reading import reading_lines
from backtest.results.trader_profile import TraderProfile, only_leader
from backtest.settings import DecidedSettings
from backtest.simulation.latency import read_delay
from ops.discovery.domain.candidate import Candidate
from ops.discovery.domain.ranking import Report
from ops.research.venue_reader import VenueReader
from ops.research.wallet import DELAYS_S, History, follow
from ops.research.wallet_history import DAY_S, SOURCE, told_history
from shared.clock import Clock
from shared.domain.money import to_micro
from shared.messages.signals import ActionableSignal
from shared.polymarket.wire.leader_fills import LeaderFill


class WalletJudge(Protocol):
    """Returns a wallet's report. Raises TryAgain where its past cannot be read now."""

    def judge(self, candidate: Candidate) -> Report:
        """Judge one wallet."""
        ...


@dataclass
class VenueJudge:
    """Judges by what the venue tells of the last `days`; `most` trades are read of a wallet, then it is too restless.

    A wallet that makes markets by its trades alone is not followed: nothing else is asked of the venue for it.
    """

    reader: VenueReader
    settings: DecidedSettings
    clock: Clock
    days: float
    most: int

    def judge(self, candidate: Candidate) -> Report:
        """Read trades, then, where it is worth it, markets and how they resolved."""
        before = self.reader.requests
        start_s = self.clock.now_ms() // 1000 - round(self.days * DAY_S)
        counts = RowCounts(SOURCE)
        fills = self.reader.fills(candidate.address, start_s, self.most + 1, counts)
        report = self._report(candidate.address, fills, start_s, counts)
        return {**report, "requests": self.reader.requests - before}

    def _report(self, leader: str, fills: Sequence[LeaderFill], start_s: int, counts: RowCounts) -> dict[str, Any]:
        profile = TraderProfile(leader)
        for _ in only_leader(trades_of(map(row_of, fills), SOURCE), leader, profile):
            """Only the profile is looked at."""
        if not fills:
            return _unfollowed(profile, f"It has not traded in the last {self.days:g} days.")
        if profile.makes_markets:
            return _unfollowed(profile)
        if len(fills) > self.most:
            return _unfollowed(
                profile, f"It trades more than {self.most:,} times in {self.days:g} days: not read whole."
            )
        told = told_history(self.reader, fills, self.reader.other_rows(leader, start_s, counts))
        left_out = reading_lines([counts.reading()]) if counts.unread else ()
        notes = (*told.notes, *left_out)
        return _followed(lambda: iter(told.market_events), leader, self.settings, UNSURE, notes)


@dataclass
class FileJudge:
    """Judges by files: each wallet by those that hold trades of it."""

    files: Mapping[str, Sequence[Path]]
    resolved: Sequence[Path]
    settings: DecidedSettings

    def judge(self, candidate: Candidate) -> Report:
        """Read a wallet's files."""
        opened = open_history(
            self.files[candidate.address], self.resolved, options=RowOptions(leader=candidate.address)
        )
        report = _followed(lambda: opened.market_events, candidate.address, self.settings, opened.unsure, ())
        read = [reading.model_dump(mode="json") for reading in opened.readings]
        return {**report, "history": read, "notes": list(opened.notes), "requests": 0}


@dataclass
class TradersInFiles:
    """Who trades in which of some files, found by reading each once."""

    files: dict[str, list[Path]] = field(default_factory=dict[str, list[Path]])
    trades: Counter[str] = field(default_factory=Counter[str])

    @classmethod
    def read(cls, paths: Sequence[Path]) -> "TradersInFiles":
        """Read the files.

        Raises:
            BadConfig: one is not there, or of no known kind; Malformed: it cannot be read.
        """
        found = cls()
        for path in paths:
            for event in open_history([path]).market_events:
                if isinstance(event.what, ActionableSignal):
                    found._add(event.what.leader, path)
        return found

    def _add(self, leader: str, path: Path) -> None:
        self.trades[leader] += 1
        files = self.files.setdefault(leader, [])
        if path not in files:
            files.append(path)

    def candidates(self) -> list[Candidate]:
        """Return the wallets, the most restless first."""
        return [
            Candidate(address=leader, found=(_where(count, len(self.files[leader])),))
            for leader, count in self.trades.most_common()
        ]


def _where(trades: int, files: int) -> str:
    return f"{trades:,} {'trade' if trades == 1 else 'trades'} in {files} {'file' if files == 1 else 'files'}"


def _followed(
    history: History, leader: str, settings: DecidedSettings, unsure: str, notes: Sequence[str]
) -> dict[str, Any]:
    delays = {delay_s: read_delay(str(delay_s), {}) for delay_s in DELAYS_S}
    copies, profile = follow(
        history, leader, delays, settings.limits, to_micro(settings.bankroll), nullcontext(), unsure
    )
    return {**copyability_json(copies, profile), "notes": list(notes)}


def _unfollowed(profile: TraderProfile, why: str = "") -> dict[str, Any]:
    """Return the report on a wallet that was not followed, and why."""
    report = copyability_json((), profile)
    return {**report, "reasons": [why, *report["reasons"]] if why else report["reasons"], "notes": []}
