"""`hybrid discover`: find wallets worth a look, judge each as `hybrid wallet` does, and rank them."""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from redis import Redis
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from backtest.settings import DecidedSettings, decided_settings, open_captures, read_changes
from backtest.sweep.contents import read_content
from backtest.sweep.trial import code_id
from ops.discovery.domain.candidate import Candidate
from ops.discovery.domain.ranking import RankedWallet, chance_text, ranked
from ops.discovery.judges import FileJudge, TradersInFiles, VenueJudge, WalletJudge
from ops.discovery.report_store import ReportStore
from ops.discovery.search import SearchResult, Told, search
from ops.discovery.table_view import csv_fields, flat_rows, result_json, shown
from ops.discovery.venue_candidates import DiscoverSettings, SearchPlan, asked_candidates, budgeted_reader
from ops.operator.account.row_output import csv_text
from ops.recording.capture import stop_on_signals
from ops.research.wallet import DELAYS_S
from shared.clock import Clock
from shared.config import parse
from shared.domain.errors import BadConfig, Unavailable
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import followed_leaders, unfollowed
from shared.terminal import Terminal

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Discovery:
    """One run: the ranked wallets, what was found, who is followed already, and what it took."""

    rows: list[RankedWallet]
    found: SearchResult
    followed: frozenset[str]
    took_s: float
    requests: int


def discover(
    plan: SearchPlan,
    url: str,
    store: Path,
    clock: Clock,
    *,
    flags: Sequence[str] = (),
    change: Sequence[str] = (),
    said: Console | None = None,
) -> Discovery:
    """Search the venue within the shared budgets; without a server that answers, at the search's own pace alone.

    Raises:
        BadConfig: a setting has a wrong value. TryAgain: the venue does not even tell its boards.
    """
    cfg, settings = parse(DiscoverSettings, list(flags), redis_url=url), decided_settings([], read_changes(change))
    stop, began = stop_on_signals(), clock.monotonic()
    with connect_redis(url) as redis:
        followed = _followed(redis)
        reader = budgeted_reader(cfg, redis, clock, stop, shared=followed is not None)
        try:
            candidates = asked_candidates(reader, plan)
            judge = VenueJudge(reader, settings, clock, plan.days, plan.most_trades)
            terms = f"{plan.days:g} days, {plan.most_trades} trades at most, {cfg.data_api_url}"
            kept = _store(store, terms, settings, plan.fresh_hours)
            with progress_bar(said, len(candidates)) as told:
                found = search(candidates, judge, kept, clock, stop, told)
        finally:
            reader.close()
    rows = ranked(found.judged)
    return Discovery(rows, found, followed or frozenset(), clock.monotonic() - began, reader.requests)


def discover_files(
    files: Sequence[Path], resolved: Sequence[Path], store: Path, clock: Clock, change: Sequence[str], said: Console
) -> Discovery:
    """Judge every wallet that trades in `files`.

    Raises:
        BadConfig: a file is not there, or a setting has a wrong value; Malformed: a file cannot be read.
    """
    settings = decided_settings(open_captures(files), read_changes(change))
    stop, began = stop_on_signals(), clock.monotonic()
    with said.status("reading the files..."):
        traders = TradersInFiles.read(files)
        terms = read_content(files, resolved).id
    judge: WalletJudge = FileJudge(traders.files, resolved, settings)
    kept = _store(store, terms, settings, fresh_hours=24 * 365)
    candidates: list[Candidate] = traders.candidates()
    with progress_bar(said, len(candidates)) as told:
        found = search(candidates, judge, kept, clock, stop, told)
    return Discovery(ranked(found.judged), found, frozenset(), clock.monotonic() - began, 0)


def _store(folder: Path, terms: str, settings: DecidedSettings, fresh_hours: float) -> ReportStore:
    decided = f"{terms}; {DELAYS_S}; {settings.limits.id}; {settings.bankroll}; {code_id()}"
    return ReportStore(folder, decided, round(fresh_hours * HOUR_MS))


def _followed(redis: Redis) -> frozenset[str] | None:
    """Return who is followed; None where no server answers."""
    try:
        return frozenset(followed_leaders(redis)) - frozenset(unfollowed(redis))
    except Unavailable:
        return None


def as_text(done: Discovery, *, as_csv: bool) -> str:
    """Return a run as JSON, or its table as CSV."""
    if as_csv:
        return csv_text(flat_rows(done.rows, done.followed), csv_fields(done.rows))
    about = {"took_s": round(done.took_s, 1), "requests": done.requests}
    return json.dumps(result_json(done.rows, done.followed, done.found, about)) + "\n"


def print_table(done: Discovery, console: Console) -> None:
    """Print a run for people."""
    console.print(shown(done.rows, done.followed))
    for note in dict.fromkeys(note for _, report in done.found.judged for note in report["notes"]):
        console.print(Text(note, "dim"))
    for candidate, why in done.found.unread:
        console.print(Text(f"not judged: {candidate.address}: {why}", "yellow"))
    console.print(chance_text([report for _, report in done.found.judged]))
    spent = f"{done.requests:,} requests, {done.took_s:,.0f} s; {done.found.reused} reports were kept from before"
    console.print(Text(spent, "dim"))
    if done.found.stopped:
        console.print(f"{done.found.stopped} before all were judged; the same command goes on from here")
    elif done.rows:
        console.print(Text("hybrid follow ADDRESS follows one; on paper first, whatever stands here", "dim"))


def picked(rows: Sequence[RankedWallet], words: str) -> list[RankedWallet]:
    """Return the wallets in the places that a person names, `1, 3`.

    Raises:
        BadConfig: a word is no place of the table.
    """
    by_place = {str(row.place): row for row in rows}
    places = words.replace(",", " ").split()
    wrong = [place for place in places if place not in by_place]
    if wrong:
        raise BadConfig(f"{wrong[0]}: no place of the table; give numbers from 1 to {len(rows)}, such as 1,3")
    return [by_place[place] for place in dict.fromkeys(places)]


@contextmanager
def progress_bar(said: Console | None, total: int) -> Generator[Told]:
    """Show a bar with the time left on stderr."""
    bar = Progress(
        TextColumn("judging"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
        console=said or Terminal(stderr=True),
        transient=True,
    )
    with bar:
        task = bar.add_task("", total=total)
        yield lambda done, address: bar.update(task, completed=done, description=address)
