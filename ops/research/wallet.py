"""`hybrid wallet`: the costs and results of following one leader, at several delays."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from backtest import outputs, settings
from backtest.backtest import run_side_by_side
from backtest.domain.market_events import MarketEvent
from backtest.history.history_files import HistoryFiles, open_history
from backtest.history.market_facts import UNSURE
from backtest.history.reading.file_reader import RowOptions
from backtest.progress_bar import Told, counted, progress_bar
from backtest.report import figures as figures_of_page
from backtest.report.report_data import silences
from backtest.report.wallet_page import write_wallet_page
from backtest.results.amount_words import rate_text, signed_usd, usd_text
from backtest.results.bootstrap_interval import bootstrap_interval
from backtest.results.copyability import Assessment, DelayedCopy, assess_copyability, copyability_json
from backtest.results.doubts.verdict_doubts import add_doubt, nothing_paid
from backtest.results.result import BacktestResult
from backtest.results.source_reading import reading_lines
from backtest.results.three_numbers import three_numbers, unknown_text
from backtest.results.trader_profile import TraderProfile, only_leader
from backtest.simulation.latency import Delay, read_delay
from backtest.simulation.run_models import RunModels
from buyer.strategy.limits import TradingLimits
from ops.research.market_lookup import look_up_markets
from ops.research.venue_reader import open_reader
from ops.research.wallet_history import SOURCE, ask
from shared.clock import SystemClock
from shared.config import Settings, parse
from shared.domain.errors import BadConfig
from shared.domain.money import to_micro
from shared.terminal import Terminal

DELAYS_S = (2.0, 5.0, 30.0)
History = Callable[[], Iterator[MarketEvent]]
_COLORS = {"no": "red", "only fast": "yellow", "it paid": "green", "cannot tell": "yellow"}


def main(
    leader: str,
    files: Sequence[Path],
    resolved: Sequence[Path],
    *,
    change: Sequence[str],
    column: Sequence[str] = (),
    market_cache: Path | None = None,
    delays_s: Sequence[float] = DELAYS_S,
    days: float = 30,
    as_json: bool,
    html: Path | None = None,
    console: Console,
) -> None:
    """Follow `leader` through files, or through what the venue tells where there are none, and print the report.

    Raises:
        BadConfig: a setting, a delay or the place of `html` is wrong; said before the run.
        DependencyMissing: `html` is wanted and plotly is not installed; said before the run.
    """
    outputs.check_file("--html", html)
    if html:
        figures_of_page.plotly()
    delays = {delay_s: read_delay(str(delay_s), {}) for delay_s in sorted(delays_s)}
    found = settings.decided_settings(settings.open_captures(files), settings.read_changes(change))
    options = settings.row_options(leader, column)
    asked = None if files else _of_venue(leader, days, console)
    with progress_bar(Terminal(stderr=True)) as told:
        history = asked or _of_files(files, resolved, options, market_cache, told)
        events = counted(history.market_events, history.trades, told)
        copies, profile = follow(
            lambda: events, leader, delays, found.limits, to_micro(found.bankroll), nullcontext(), history.unsure
        )
    copies = [replace(copy, result=copy.result.model_copy(update={"history": history.readings})) for copy in copies]
    if html:
        write_wallet_page(copies, profile, html)
    if as_json:
        console.out(json.dumps(copyability_json(copies, profile)), highlight=False)
    else:
        console.print(report(copies, profile))


def _of_files(
    files: Sequence[Path], resolved: Sequence[Path], options: RowOptions, cache: Path | None, told: Told
) -> HistoryFiles:
    """Open files; with a `cache` what the venue tells of their markets is asked for first, and kept there."""
    if cache is None:
        return open_history(files, resolved, options=options, told=told)
    found = open_history(files, options=options, told=told)
    reader = open_reader(parse(Settings, []), SystemClock())
    try:
        look_up_markets(reader, found.conditions, found.unnamed_tokens, cache, told)
    finally:
        reader.close()
    return open_history(files, [*resolved, cache], options=options, told=told)


def _of_venue(leader: str, days: float, console: Console) -> HistoryFiles:
    said = Terminal(stderr=True) if console.file is sys.stdout else console
    with said.status("asking the venue..."):
        found = ask(leader, days, SystemClock())
    for note in found.notes:
        said.print(note, highlight=False)
    counts = found.counts
    return HistoryFiles(iter(found.market_events), (SOURCE,), counts=(counts,), trades=counts.trades, unsure=UNSURE)


def follow(
    history: History,
    leader: str,
    delays: Mapping[float, Delay],
    limits: TradingLimits,
    bankroll: int,
    working: AbstractContextManager[object],
    unsure: str = "",
) -> tuple[list[DelayedCopy], TraderProfile]:
    """Follow `leader` once for each delay, named by its seconds, through a history that is opened and read once.

    `unsure` is what the history leaves open of any order.

    Raises:
        BadConfig: the history holds no trade of this leader.
    """
    profile = TraderProfile(leader)
    models = [replace(RunModels(), delay=delay) for delay in delays.values()]
    with working:
        events = only_leader(history(), leader, profile)
        results = run_side_by_side(events, limits, bankroll, models, one_leader=True)
        copies = [_copy(delay_s, add_doubt(found, unsure)) for delay_s, found in zip(delays, results, strict=True)]
    if not profile.trades:
        raise BadConfig(f"no trade of {leader} in this history: give the wallet that trades, and its own history")
    return copies, profile


def _copy(delay_s: float, result: BacktestResult) -> DelayedCopy:
    return DelayedCopy(delay_s, result, bootstrap_interval([row.ours.pnl for row in result.markets]))


def report(copies: Sequence[DelayedCopy], profile: TraderProfile) -> RenderableType:
    """Return the report for a terminal."""
    found = assess_copyability(copies, profile)
    parts: list[RenderableType] = [_verdict(found), Text(), _delays(copies), *_sums(copies), Text(), _profile(profile)]
    last = copies[0].result
    skips = ", ".join(f"{rule} {count:,}" for rule, count in list(last.skips.items())[:6])
    parts.append(Text(f"not followed at {copies[0].delay_s:g} s: {skips or 'nothing'}", "dim"))
    parts += [Text.assemble(("stopped ", "yellow"), words) for words in silences(last)]
    parts += [
        Text.assemble(("cannot tell ", "yellow"), f"{doubt.what}: {doubt.share:.0%} of trades")
        for doubt in last.cannot_tell
    ]
    parts += [Text(line, "yellow" if line.startswith("left out") else "dim") for line in reading_lines(last.history)]
    parts += [Text(f"assumed, {name}: {words}", "dim") for name, words in last.model.items() if "delay" not in name]
    return Panel(Group(*parts), title=f"copying {profile.leader}", title_align="left", border_style=_COLORS[found.word])


def _verdict(found: Assessment) -> Group:
    title = Text(found.title, f"bold {_COLORS[found.word]}")
    return Group(title, *(Text(f"  {reason}") for reason in found.reasons))


def _delays(copies: Sequence[DelayedCopy]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("delay", "orders", "filled", "spent", "result", "return", "90% of luck", "verdict"):
        table.add_column(name, justify="left" if name == "verdict" else "right", no_wrap=True)
    for copy in copies:
        result = copy.result
        color = "" if nothing_paid(result) else "green" if result.pnl > 0 else "red"
        table.add_row(
            f"{copy.delay_s:g} s",
            f"{result.bought + result.sold:,}",
            f"{result.filled + result.partial:,}",
            usd_text(copy.spent),
            Text(signed_usd(result.pnl), color),
            rate_text(result.pnl, copy.spent),
            copy.luck_text,
            copy.verdict.word,
        )
    return table


def _sums(copies: Sequence[DelayedCopy]) -> list[Text]:
    """Return each delay's three numbers, which add up, and what of the leader's is of unknown origin."""
    sums = [Text(f"{copy.delay_s:g} s: {three_numbers(copy.result).words}") for copy in copies]
    unknown = unknown_text(copies[0].result)
    theirs = sum(row.theirs.pnl for row in copies[0].result.leaders)
    realized = sum(row.theirs.realized for row in copies[0].result.leaders)
    own = f"the leader's own result, all trades, before fees: {signed_usd(theirs)}, of it paid {signed_usd(realized)}"
    return [*sums, Text(own), *([Text(unknown, "yellow")] if unknown else [])]


def _profile(profile: TraderProfile) -> Text:
    theirs = f"{profile.trades:,} trades in {len(profile.markets):,} markets for {usd_text(profile.volume)} pUSD"
    return Text(
        f"the leader: {theirs}, {profile.trades_a_day:,} a day; both sides {profile.two_sided:.0%} of volume; "
        f"largest 5 markets {profile.concentration:.0%}"
    )
