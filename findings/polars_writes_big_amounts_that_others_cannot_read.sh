#!/usr/bin/env bash
# Polars 2.1.0: one amount above 2^63 in a CSV makes a Parquet file that pyarrow cannot open at all, and that DuckDB ranks by
# the wrong end of its numbers.
#
# Amounts of 18-decimal tokens pass 2^63 at 9.3 tokens. Where one is among the rows that `read_csv` looks at for its types,
# the column becomes Int128 without a word, and `write_parquet` stores that as 16 raw bytes, the lowest first, with the
# real type in a note of Polars' own. Nothing in Polars shows it: reading back, sorting and filtering are right. pyarrow
# refuses the *whole* file, its number of rows and its other columns too. DuckDB reads the column as a BLOB: `order by amount
# desc` puts minus one first and the largest sum last, and no cast leads back to a number. A day whose amounts all stay
# small is Int64 and fine, so the same job breaks its readers on the day of the first big payment. A column cast to
# Decimal(38, 0) before the write is right in all three.
#
# Installs pinned public packages in a temporary folder and needs nothing else. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.1
cat > "$folder/show.py" <<'PY'
import os
import sys
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow.parquet as pq

os.chdir(sys.argv[1])
TOKEN = 10**18
PAID = {1: 256 * TOKEN, 2: 9 * TOKEN, 3: 255 * TOKEN + 1, 4: -1}
RIGHT = [1, 3, 2, 4]  # the largest first


def tried(name, step):
    """Return what a step gives or the name of its error, and print it."""
    try:
        seen = step()
    except Exception as error:  # noqa: BLE001 - which one is what is shown
        seen = type(error).__name__
        print(f"{name}: {seen}: {str(error).splitlines()[0]}")
    else:
        print(f"{name}: {seen}")
    return seen


def ranked(file):
    return [wallet for (wallet,) in duckdb.sql(f"select wallet from '{file}' order by amount desc").fetchall()]


def written(name, paid):
    """Write payments as CSV, have Polars make Parquet of it and return the type it saw."""
    with open(f"{name}.csv", "w") as file:
        file.write("wallet,amount\n" + "".join(f"{wallet},{amount}\n" for wallet, amount in paid.items()))
    table = pl.read_csv(f"{name}.csv")
    table.write_parquet(f"{name}.parquet")
    return str(table.schema["amount"])


assert tried("polars, a day of small payments", lambda: written("small", {2: 9 * TOKEN})) == "Int64"
assert tried("  pyarrow", lambda: pq.read_table("small.parquet")["amount"].to_pylist()) == [9 * TOKEN]
assert tried("polars, a day with a big one", lambda: written("big", PAID)) == "Int128"
back = pl.read_parquet("big.parquet").sort("amount", descending=True)
assert tried("  polars, ranked", lambda: back["wallet"].to_list()) == RIGHT
for name, step in {
    "table": lambda: pq.read_table("big.parquet"),
    "its other column": lambda: pq.read_table("big.parquet", columns=["wallet"]),
    "number of rows": lambda: pq.ParquetFile("big.parquet").metadata.num_rows,
}.items():
    assert tried(f"  pyarrow, {name}", step) == "ArrowNotImplementedError"
kind = "select typeof(amount) from 'big.parquet' limit 1"
assert tried("  duckdb, type", lambda: duckdb.sql(kind).fetchall()[0][0]) == "BLOB"
raw = duckdb.sql("select amount from 'big.parquet' where wallet = 1").fetchall()[0][0]
assert int.from_bytes(raw, "little", signed=True) == PAID[1]
assert tried("  duckdb, ranked", lambda: ranked("big.parquet")) == [4, 3, 2, 1]
cast = "select amount::hugeint from 'big.parquet'"
assert tried("  duckdb, cast", lambda: duckdb.sql(cast).fetchall()) == "ConversionException"
pl.read_csv("big.csv").with_columns(pl.col("amount").cast(pl.Decimal(38, 0))).write_parquet("cast.parquet")
exact = [Decimal(amount) for amount in PAID.values()]
assert tried("as Decimal(38, 0), pyarrow", lambda: pq.read_table("cast.parquet")["amount"].to_pylist()) == exact
assert tried("as Decimal(38, 0), duckdb, ranked", lambda: ranked("cast.parquet")) == RIGHT
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder"
