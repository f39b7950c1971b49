"""`python -m backtest FILE...`: the result of following; --parity, --redecide: the very session again."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer

from backtest import outputs, settings
from backtest.backtest import run_backtest
from backtest.domain.market_state import AssumedFacts
from backtest.domain.price_model import PriceModel
from backtest.history.history_files import open_history
from backtest.history.resolutions import LINGERS_S
from backtest.progress_bar import counted, progress_bar
from backtest.replay import parity, redecide_command
from backtest.report.result_json import result_json
from backtest.report.text_summary import print_summary
from backtest.results.doubts.verdict_doubts import add_doubt
from backtest.results.result import BacktestResult
from backtest.simulation.latency import MAX_DELAY_S, read_delay
from backtest.simulation.pacing import ReplayPace
from backtest.simulation.run_models import RunModels
from shared.clock import SystemClock
from shared.command_errors import HidingCommand
from shared.domain import exit_codes
from shared.domain.errors import HybridError
from shared.domain.money import Rate, Shares, to_micro
from shared.terminal import Terminal

app = typer.Typer(add_completion=False, help=__doc__, rich_markup_mode="markdown")

EXAMPLES = """Examples:

- `python -m backtest today.capture` · with the session's own limits and the books it recorded
- `python -m backtest wallet.csv --resolved winners.csv --delay 5 --set stake_usdc=20`
- `python -m backtest wallet.csv --resolved winners.csv --html report.html --png plots/`
- `python -m backtest leader.json --delay recorded --json > result.json`
- `python -m backtest today.capture --parity` · the same decisions, byte for byte, or exit code 1
- `python -m backtest live.capture --redecide` · each decision again from what it recorded, of live sessions too
"""


@app.command(cls=HidingCommand, epilog=EXAMPLES)
def main(
    files: Annotated[
        list[Path],
        typer.Argument(help="Captures, or histories: rows of the venue, CSV, JSON, Parquet, logs (.zip, .gz too)."),
    ],
    leader: Annotated[
        str, typer.Option(help="Whose rows these are, where a file names no wallet; only this one's count.")
    ] = "",
    column: Annotated[
        list[str] | None, typer.Option(help="What a column of the files is: size=NAME, usdc=NAME; again for more.")
    ] = None,
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Another limit: name=value; again for more.")
    ] = None,
    resolved: Annotated[
        list[Path] | None, typer.Option(help="How markets resolved: CSV, or Gamma's markets as JSON.")
    ] = None,
    closes_after: Annotated[
        float,
        typer.Option(
            min=0, max=MAX_DELAY_S, help="Seconds after its last trade when a market closes, where nobody says when."
        ),
    ] = LINGERS_S,
    delay: Annotated[
        str, typer.Option(help="Leader's trade to our decision: seconds, quantiles 1,2,30, recorded, measured:SOURCE.")
    ] = "2",
    order_ms: Annotated[int, typer.Option(min=0, max=MAX_DELAY_S * 1000, help="Decision to the book, in ms.")] = 300,
    half_spread_ticks: Annotated[int, typer.Option(min=0, help="Where no book is recorded.")] = 1,
    level_shares: Annotated[str, typer.Option(help="Shares on each tick, where no book is recorded.")] = "200",
    fee_rate: Annotated[str, typer.Option(help="The venue's rate, where the market's is not recorded.")] = "0.07",
    bankroll: Annotated[str, typer.Option(help="Collateral to begin with, in pUSD; default: the session's.")] = "",
    speed: Annotated[float, typer.Option(min=0, help="Times real time; 0: as fast as possible.")] = 0,
    *,
    realtime: Annotated[bool, typer.Option("--realtime", help="As fast as it happened: --speed 1.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON to stdout.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the result as one page for people.")] = None,
    png: Annotated[Path | None, typer.Option(help="Write its plots into this folder (needs a Chromium).")] = None,
    signals: Annotated[bool, typer.Option("--signals", help="With --json: every signal's outcome, skips too.")] = False,
    exact: Annotated[
        bool, typer.Option("--parity", help="Make a captured session's decisions again, exactly.")
    ] = False,
    decisions: Annotated[bool, typer.Option("--decisions", help="With --parity: print them as JSON lines.")] = False,
    each: Annotated[
        bool, typer.Option("--redecide", help="Make each decision of a captured session again from its own inputs.")
    ] = False,
) -> None:
    """Follow the leaders in FILES on paper: with delays, books or a stated model of them, fees and resolutions."""
    pace = ReplayPace(SystemClock(), 1 if realtime else speed)
    with _explained():
        _can_report(html, png)
        if each:
            raise typer.Exit(redecide_command.main(files, settings.read_changes(change or [])))
        if exact:
            raise typer.Exit(parity.main(files, settings.read_changes(change or []), pace, echo=decisions))
        options = settings.row_options(leader, column or [])
        measure = delay.startswith("measured:")
        with progress_bar(Terminal(stderr=True)) as told:
            history = open_history(
                files, resolved or [], measure=measure, lingers_s=closes_after, options=options, told=told
            )
            models = RunModels(
                delay=read_delay(delay, history.measured),
                order_ms=order_ms,
                prices=PriceModel(
                    half_spread_ticks, Shares(to_micro(settings.read_amount("--level-shares", level_shares)))
                ),
                markets=AssumedFacts(
                    fee_rate=Rate(to_micro(settings.read_amount("--fee-rate", fee_rate, most=Decimal(1))))
                ),
            )
            found = settings.decided_settings(history.captures, settings.read_changes(change or []))
            cash = settings.read_amount("--bankroll", bankroll) if bankroll else found.bankroll
            result = run_backtest(
                pace.pace_events(counted(history.market_events, history.trades, told)),
                found.limits,
                to_micro(cash),
                models,
                sources=history.sources,
                keep_skips=signals,
            ).model_copy(update={"history": history.readings})
        result = add_doubt(result, history.unsure)
        if as_json:
            sys.stdout.write(result_json(result) + "\n")
        print_summary(result)
        _report(result, html, png)


def _can_report(html: Path | None, png: Path | None) -> None:
    """Say what is missing before the run, not after it.

    Raises:
        BadConfig: where it is to be written, nothing can be.
        DependencyMissing: plotly, kaleido or a Chromium; with the fix.
    """
    outputs.check_file("--html", html)
    outputs.check_folder("--png", png)
    if html or png:
        from backtest.report import figures, png_export  # noqa: PLC0415

        figures.plotly()
        if png:
            png_export.kaleido_and_browser()


def _report(result: BacktestResult, html: Path | None, png: Path | None) -> None:
    """Write what was asked for; only this needs the extra `report`."""
    if html:
        from backtest.report.page import write_page  # noqa: PLC0415

        write_page(result, html)
    if png:
        from backtest.report.png_export import write_pictures  # noqa: PLC0415

        write_pictures(result, png)


@contextmanager
def _explained() -> Generator[None]:
    """Turn our errors into a line and an exit code."""
    try:
        yield
    except HybridError as error:
        sys.stderr.write(exit_codes.plain_line("backtest", error) + "\n")
        raise typer.Exit(exit_codes.exit_code(error)) from error


if __name__ == "__main__":
    app()
