"""`python -m backtest.export CAPTURE OUT`: a capture as Parquet (pandas, polars, DuckDB) or as plain JSON lines.

`--only events|books|raw` takes one kind of record. Parquet has one row a record; `backtest/export_rows.py` names its
columns.
"""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from backtest.export_rows import EVENTS, TABLES
from shared.capture.capture import Capture, capture_writer
from shared.command_errors import HidingCommand
from shared.domain import exit_codes
from shared.domain.errors import BadConfig, DependencyMissing, HybridError
from shared.redis.streams import StreamEntry

app = typer.Typer(add_completion=False, help=__doc__)
AT_ONCE = 10_000
"""Entries in memory, and in one row group, ..."""
AT_ONCE_BYTES = 64 << 20
"""... and their bytes: raw answers are large."""


@app.command(cls=HidingCommand, epilog="Example: `python -m backtest.export var/capture books.parquet --only books`")
def main(
    capture: Annotated[Path, typer.Argument(help="A capture: a folder of segments, or JSON lines.")],
    out: Annotated[Path, typer.Argument(help="A new file: .parquet or .jsonl.")],
    only: Annotated[str, typer.Option(help="One kind of record: events, books or raw; default: all.")] = "",
) -> None:
    """Write CAPTURE to OUT, in memory that does not grow with its length."""
    try:
        count = export(Capture.open(capture), out, only)
    except FileExistsError as error:
        sys.stderr.write(f"export: {out} exists already: choose another name\n")
        raise typer.Exit(exit_codes.BAD_CONFIG) from error
    except HybridError as error:
        sys.stderr.write(exit_codes.plain_line("export", error) + "\n")
        raise typer.Exit(exit_codes.exit_code(error)) from error
    typer.echo(f"{count} entries written to {out}", err=True)


def export(capture: Capture, out: Path, only: str = "") -> int:
    """Write a capture, or one kind of its records, to `out`; return how many entries that are.

    Raises:
        BadConfig: `out` ends in neither .parquet nor .jsonl, or no such kind; FileExistsError: it is there already.
        DependencyMissing: Parquet needs pyarrow.
    """
    kinds = {".parquet": _parquet, ".jsonl": _lines}
    if out.suffix not in kinds:
        raise BadConfig(f"{out}: expected a name that ends in .parquet or .jsonl")
    if only and only not in TABLES:
        raise BadConfig(f"--only {only}: expected {', '.join(TABLES)}")
    if out.exists():
        raise FileExistsError(out)
    return kinds[out.suffix](capture, out, only)


def _lines(capture: Capture, out: Path, only: str) -> int:
    with contextlib.closing(capture_writer(out, capture.header)) as lines:
        for chunk in _chunks(capture, only):
            lines.write(chunk)
        return lines.written


def _parquet(capture: Capture, out: Path, only: str) -> int:
    try:
        arrow: Any = importlib.import_module("pyarrow")
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise DependencyMissing(
            f"{out}: Parquet needs pyarrow, of the extra `report`: `make install-report`"
        ) from error
    shape = TABLES[only or EVENTS]
    schema, count = shape.schema(arrow), 0
    with parquet.ParquetWriter(out, schema, compression="zstd") as table:
        for chunk in _chunks(capture, only):
            rows = [row for entry in chunk if (row := shape.row(entry))]
            table.write_table(arrow.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


def _chunks(capture: Capture, only: str) -> Iterator[list[StreamEntry]]:
    coming = (entry for entry in capture if not only or TABLES[only].holds(entry))
    while first := next(coming, None):
        chunk, size = [first], len(first.json)
        for entry in islice(coming, AT_ONCE - 1):
            chunk.append(entry)
            size += len(entry.json)
            if size > AT_ONCE_BYTES:
                break
        yield chunk


if __name__ == "__main__":
    app()
