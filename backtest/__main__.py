"""`python -m backtest FILE`: replay a capture through the buyer, print its decisions and a summary."""

import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from backtest.replay import Replay, Replayed
from backtest.tape import read_tape
from buyer.limits import Limits
from shared import accounts, exits
from shared.capture import Capture
from shared.errors import BadConfig, HybridError
from shared.events import first_problem
from shared.money import from_micro

app = typer.Typer(add_completion=False, help=__doc__)


@app.command(
    epilog="Examples: `python -m backtest demo.jsonl` · `python -m backtest demo.jsonl --set stake_usdc=20` · "
    "`python -m backtest demo.jsonl --decisions > again.jsonl`"
)
def replay(
    file: Annotated[Path, typer.Argument(help="A capture, written by `hybrid capture`.")],
    change: Annotated[
        list[str] | None, typer.Option("--set", help="Another limit than the recorded one: name=value.")
    ] = None,
    *,
    decisions: Annotated[bool, typer.Option(help="Print the decisions as JSON lines to stdout.")] = False,
) -> None:
    """Replay FILE; exit 1 when a decision differs from the recorded one (unless --set asks for another)."""
    try:
        changes = dict(_change(text) for text in change or [])
        again = Replay(read_tape(Capture.open(file)), changes)
        made = list(_each(again, echo=decisions))
    except HybridError as error:
        sys.stderr.write(exits.plain_line("backtest", error) + "\n")
        raise typer.Exit(exits.exit_code(error)) from error
    except ValidationError as error:
        sys.stderr.write(f"backtest: --set: {first_problem(error)}\n")
        raise typer.Exit(exits.BAD_CONFIG) from error
    _summary(made, again)
    if not changes and not all(item.same for item in made):
        raise typer.Exit(exits.CRASH)


def _change(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or name not in Limits.model_fields:
        raise BadConfig(f"--set {text}: expected name=value with one of {', '.join(Limits.model_fields)}")
    return name, value


def _each(again: Replay, *, echo: bool) -> list[Replayed]:
    made: list[Replayed] = []
    for item in again.run():
        made.append(item)
        if echo:
            sys.stdout.write(item.text + "\n")
    return made


def _summary(made: list[Replayed], again: Replay) -> None:
    console = Console(stderr=True)
    table = Table(title=f"{len(made)} decisions replayed", title_justify="left")
    table.add_column("verdict")
    table.add_column("reason")
    table.add_column("count", justify="right")
    for (verdict, reason), count in Counter((i.decision.verdict, i.decision.reason) for i in made).most_common():
        table.add_row(verdict, reason, str(count))
    console.print(table)
    values = again.ledger.values
    bought = sum(
        (
            i.decision.outcome.usdc + i.decision.outcome.fee
            for i in made
            if i.decision.outcome and i.decision.verdict == "BUY"
        ),
        Decimal(0),
    )
    console.print(
        f"bought for {bought} · fees {from_micro(values.get(accounts.FEES, 0))} · "
        f"realized {from_micro(values.get(accounts.REALIZED, 0))} · cash {from_micro(values.get(accounts.CASH, 0))}"
    )
    differing = [item for item in made if not item.same]
    console.print(f"identical to the recording, byte for byte: {len(made) - len(differing)} of {len(made)}")
    for item in differing[:3]:
        console.print(f"  differs: {item.decision.signal_id} {item.decision.verdict} {item.decision.reason}")


if __name__ == "__main__":
    app()
