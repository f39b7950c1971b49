"""Other people's clients on the local venue: `python -m benchmarks.witnesses` tells which calls work, and how not.

Each client runs in an environment of its own (`make witnesses` makes them); one that is not made is said to be missing.
The last line is JSON. Fails where a call differs: it does not work, and neither is it the client's own fault, nor is it
listed as not offered.
"""

import json
import sys
from pathlib import Path
from time import perf_counter

from benchmarks.rigs.witnesses.environments import WITNESSES
from benchmarks.rigs.witnesses.table import OUTCOMES, Statement, heard
from simulator.command_line import HidingParser


def main() -> int:
    """Hear all clients, print the table, tell whether anything differs."""
    parser = HidingParser(prog="python -m benchmarks.witnesses", description=__doc__)
    parser.add_argument("--only", default="", help="clients whose name contains this")
    parser.add_argument("--json", type=Path, help="a file for every row, with its reason")
    given = parser.parse_args()
    started = perf_counter()
    statements = [heard(each) for each in WITNESSES if given.only in each.title]
    _show(statements)
    rows = [vars(row) for told in statements for row in told.rows]
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n")
    figures = {told.witness.title: dict(told.counts()) or {"missing": told.missing} for told in statements}
    differing = sum(told.counts()["differs"] for told in statements)
    print(json.dumps({"clients": figures, "differ": differing, "seconds": round(perf_counter() - started, 1)}))
    return int(differing > 0)


def _show(statements: list[Statement]) -> None:
    print(f"{'client':34}" + "".join(f"{outcome:>14}" for outcome in OUTCOMES) + "   before")
    for told in statements:
        counts = told.counts()
        cells = "".join(f"{counts[outcome]:14}" for outcome in OUTCOMES)
        print(
            f"{told.witness.title:34}" + (f"   {told.missing}" if told.missing else f"{cells}   {told.witness.before}")
        )
    for outcome in OUTCOMES[1:]:
        print(f"\n{outcome}:")
        for row in (row for told in statements for row in told.rows if row.outcome == outcome):
            print(f"  {row.client:34} {row.call:46} {row.why[:200]}")


if __name__ == "__main__":
    sys.exit(main())
