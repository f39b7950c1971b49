"""A result for people, in the terminal."""

from rich.table import Table
from rich.text import Text

from backtest.report.report_data import silences
from backtest.results.bootstrap_interval import bootstrap_interval
from backtest.results.result import BacktestResult, PnlStanding
from backtest.results.source_reading import reading_lines
from backtest.results.three_numbers import three_numbers, unknown_text
from backtest.results.verdict import judge_result
from backtest.settings import moment_text
from shared.domain.money import MICRO
from shared.terminal import Terminal


def print_summary(result: BacktestResult) -> None:
    """Print a result to stderr: what it brought, why signals were not followed, and what the data cannot tell."""
    console = Terminal(stderr=True, highlight=False)
    span = f"{moment_text(result.starts_at_ms)} to {moment_text(result.ends_at_ms)} UTC"
    console.print(f"{result.signals} signals, {span}", style="bold")
    console.print(
        f"PnL {_usd(result.pnl)} on {_usd(result.bankroll)} · realized {_usd(result.realized)} · open lots "
        f"{_usd(result.open_value)} · fees {_usd(result.costs.fees)} · most locked {_usd(result.most_locked)} · "
        f"worst fall {_usd(result.max_drawdown)}"
    )
    console.print(
        f"orders: {result.filled} filled, {result.partial} partly, {result.missed} missed · beyond leaders' prices: "
        f"delay {_usd(result.costs.delay)}, spread {_usd(result.costs.spread)}, impact {_usd(result.costs.impact)}"
    )
    console.print(three_numbers(result).words)
    judged = judge_result(result, bootstrap_interval([row.ours.pnl for row in result.markets]))
    console.print(Text.assemble((judged.title, "bold"), f" {' '.join(judged.reasons)}"))
    console.print(_leaders(result))
    if unknown := unknown_text(result):
        console.print(unknown)
    if result.skips:
        console.print("not followed: " + ", ".join(f"{rule} {count}" for rule, count in result.skips.items()))
    for words in silences(result):
        console.print(Text.assemble(("stopped", "yellow"), f" {words}"))
    for doubt in result.cannot_tell:
        said = f" {doubt.what}: {doubt.trades} of {doubt.of} ({doubt.share:.1%})"
        console.print(Text.assemble(("cannot tell", "yellow"), said))
    for name, words in result.model.items():
        console.print(f"assumed, {name}: {words}", style="dim")
    for line in reading_lines(result.history):
        console.print(Text(line, "yellow" if line.startswith("left out") else "dim"))


def _leaders(result: BacktestResult) -> Table:
    table = Table()
    for name in ("leader", "signals", "our orders", "our PnL", "of it open", "their trades", "their PnL, before fees"):
        table.add_column(name, justify="left" if name == "leader" else "right")
    for row in result.leaders:
        ours, theirs = row.ours, row.theirs
        table.add_row(
            f"{row.leader[:6]}…{row.leader[-4:]}",
            str(row.signals),
            str(ours.trades),
            _usd(ours.pnl),
            _usd(_open(ours)),
            str(theirs.trades),
            _usd(theirs.pnl),
        )
    return table


def _open(standing: PnlStanding) -> int:
    return standing.open_value - standing.open_cost


def _usd(micro: int) -> str:
    cents = (micro * 200 + MICRO) // (2 * MICRO)
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02}"
