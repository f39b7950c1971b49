"""`python -m backtest.export CAPTURE OUT`: a capture as Parquet (pandas, polars, DuckDB) or as plain JSON lines.

Parquet has one row an entry: where it stood (`stream`, `entry`, `at_ms`), what it is of (`event`, `id`, `signal_id`,
`leader`, `token_id`, `side`, `verdict`, `reason`; empty where an event has none), and the whole event as `json`.
"""

import contextlib
import importlib
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from shared import exits
from shared.capture import Capture, writer
from shared.errors import BadConfig, DependencyMissing, HybridError
from shared.streams import Entry

app = typer.Typer(add_completion=False, help=__doc__)
FIELDS = ("id", "signal_id", "leader", "token_id", "side", "verdict", "reason")
AT_ONCE = 10_000
"""Entries in memory, and in one row group."""


@app.command(epilog="Example: `python -m backtest.export var/capture today.parquet`")
def main(
    capture: Annotated[Path, typer.Argument(help="A capture: a folder of segments, or JSON lines.")],
    out: Annotated[Path, typer.Argument(help="A new file: .parquet or .jsonl.")],
) -> None:
    """Write CAPTURE to OUT, in memory that does not grow with its length."""
    try:
        count = export(Capture.open(capture), out)
    except FileExistsError as error:
        sys.stderr.write(f"export: {out} exists already: choose another name\n")
        raise typer.Exit(exits.BAD_CONFIG) from error
    except HybridError as error:
        sys.stderr.write(exits.plain_line("export", error) + "\n")
        raise typer.Exit(exits.exit_code(error)) from error
    typer.echo(f"{count} entries written to {out}", err=True)


def export(capture: Capture, out: Path) -> int:
    """Write a capture to `out`; return how many entries it has.

    Raises:
        BadConfig: `out` ends in neither .parquet nor .jsonl; FileExistsError: it is there already.
        DependencyMissing: Parquet needs pyarrow.
    """
    kinds = {".parquet": _parquet, ".jsonl": _lines}
    if out.suffix not in kinds:
        raise BadConfig(f"{out}: expected a name that ends in .parquet or .jsonl")
    if out.exists():
        raise FileExistsError(out)
    return kinds[out.suffix](capture, out)


def _lines(capture: Capture, out: Path) -> int:
    with contextlib.closing(writer(out, capture.header)) as lines:
        for chunk in _chunks(capture):
            lines.write(chunk)
        return lines.written


def _parquet(capture: Capture, out: Path) -> int:
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DependencyMissing(f"{out}: pip install 'hybrid-signals[report]' for Parquet") from error
    names = ("stream", "entry", "event", *FIELDS, "json")
    schema = arrow.schema([("at_ms", arrow.int64()), *((name, arrow.string()) for name in names)])
    count = 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as table:
        for chunk in _chunks(capture):
            table.write_table(arrow.Table.from_pylist([_row(entry) for entry in chunk], schema=schema))
            count += len(chunk)
    return count


def _chunks(capture: Capture) -> Iterator[list[Entry]]:
    coming = iter(capture)
    while chunk := list(islice(coming, AT_ONCE)):
        yield chunk


def _row(entry: Entry) -> dict[str, Any]:
    try:
        event: Any = json.loads(entry.json)
    except ValueError:
        event = None
    facts = cast("dict[str, Any]", event) if isinstance(event, dict) else {}
    return {
        "at_ms": int(entry.id.partition("-")[0]),
        "stream": entry.stream,
        "entry": entry.id,
        "event": str(facts.get("event", "")),
        "json": entry.json,
    } | {name: str(facts.get(name, "")) for name in FIELDS}


if __name__ == "__main__":
    app()
