"""The same history as other people would have it: other orders, units, cases, styles, wrappings, repeated blocks."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

Rows = list[dict[str, str]]
BLOCK = 1000
"""Rows that are told again."""
_AMOUNTS = ("price", "size", "usdc")


def read_log(path: Path) -> Rows:
    """Return the rows of a wallet's log."""
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as member:
        return list(csv.DictReader(io.TextIOWrapper(member, encoding="utf-8", newline="")))


def mutations(rows: Rows, folder: Path) -> dict[str, list[Path]]:
    """Write each mutation; return its files by name."""
    return {name: write(rows, folder / name.replace(" ", "_")) for name, write in MUTATIONS.items()}


def _oldest_first(rows: Rows) -> Rows:
    found = rows[::-1]
    found.sort(key=lambda row: int(row["timestamp"]))
    return found


def _csv(rows: Rows, path: Path, delimiter: str = ",") -> list[Path]:
    out = io.StringIO()
    table = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    table.writeheader()
    table.writerows(rows)
    found = path.with_suffix(".csv")
    found.write_text(out.getvalue(), encoding="utf-8")
    return [found]


def _each(change: Callable[[dict[str, str]], dict[str, str]]) -> Callable[[Rows, Path], list[Path]]:
    return lambda rows, path: _csv([{**row, **change(row)} for row in rows], path)


def _overlapping(rows: Rows, path: Path) -> list[Path]:
    half = len(rows) // 2
    first, second = rows[: half + BLOCK], rows[half:]
    return [*_csv(first, path.with_name(path.name + "_1")), *_csv(second, path.with_name(path.name + "_2"))]


def _lines(rows: Rows, path: Path) -> list[Path]:
    found = path.with_suffix(".jsonl.gz")
    found.write_bytes(gzip.compress("\n\n".join(map(json.dumps, rows)).encode(), compresslevel=1))
    return [found]


def _pages(rows: Rows, path: Path) -> list[Path]:
    pages: Sequence[Rows] = [rows[at : at + BLOCK] for at in range(0, len(rows), BLOCK)]
    found = path.with_suffix(".json")
    found.write_text("\n".join(json.dumps({"data": page}) for page in pages), encoding="utf-8")
    return [found]


def _archive(rows: Rows, path: Path) -> list[Path]:
    (inner,) = _csv(rows, path)
    found = path.with_suffix(".zip")
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("wallet/", b"")
        archive.write(inner, "wallet/rows.csv")
        archive.writestr("__MACOSX/._rows.csv", b"\x00\x05\x16\x07")
    return [found]


MUTATIONS: dict[str, Callable[[Rows, Path], list[Path]]] = {
    "as it is": _csv,
    "oldest first": lambda rows, path: _csv(_oldest_first(rows), path),
    "milliseconds": _each(lambda row: {"timestamp": row["timestamp"] + "000"}),
    "other cases": _each(lambda row: {"side": row["side"].title(), "wallet_addr": row["wallet_addr"].upper()}),
    "dollars": _each(lambda row: {"usdc": f"${row['usdc']}"}),
    "decimal commas": lambda rows, path: _csv(
        [{**row, **{name: row[name].replace(".", ",") for name in _AMOUNTS}} for row in rows], path, ";"
    ),
    "a block again": lambda rows, path: _csv(rows + rows[:BLOCK], path),
    "overlapping files": _overlapping,
    "lines, blank ones between": _lines,
    "pages in envelopes": _pages,
    "an archive of a Mac": _archive,
}
"""Each mutation's name, and what writes it."""
