#!/usr/bin/env bash
# DuckDB 2.0.1: 256-bit ids survive CSV and Parquet, and are merged by DuckDB's own JSON.
#
# An outcome's token id has 77 digits. A CSV column of them is sniffed as BIGNUM, which is exact: two ids that differ by one
# are two. COPY ... TO 'x.json' writes them as plain JSON numbers, all digits there. Reading that very file back gives DOUBLE
# without a word: the two ids are one, so a GROUP BY or a JOIN over them puts the fills of two outcomes together. Asking for
# the right type does not help (BIGNUM: not implemented for JSON files); VARCHAR does. To Parquet the same column goes as
# text, so the type one reads back depends on the format in between: BIGNUM -> VARCHAR by Parquet, -> DOUBLE by JSON.
# Sums and differences of BIGNUM are exact, but a product is a DOUBLE.
#
# Installs pinned public packages in a temporary folder and needs nothing else. Fails when this changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet duckdb==2.0.1
cat > "$folder/show.py" <<'PY'
import os
import sys

import duckdb

os.chdir(sys.argv[1])
one = 52114319501245915516055106046884209969926127482827954674443846427813813222426
with open("fills.csv", "w") as file:
    file.write(f"token,size\n{one},5\n{one + 1},7\n")


def ask(question):
    """Return the types and rows of an answer, and print them."""
    try:
        found = duckdb.sql(question)
        types, rows = [str(kind) for kind in found.types], found.fetchall()
    except duckdb.Error as error:
        types, rows = [type(error).__name__], str(error).splitlines()[0]
    print(f"{question}\n    {types} {rows}")
    return types, rows


print("duckdb", duckdb.__version__)
assert ask("select token, sum(size) from 'fills.csv' group by token order by 2") == (
    ["BIGNUM", "HUGEINT"],
    [(str(one), 5), (str(one + 1), 7)],
)
duckdb.sql("copy (from 'fills.csv') to 'fills.json'")
duckdb.sql("copy (from 'fills.csv') to 'fills.parquet'")
with open("fills.json") as file:
    assert f'"token":{one + 1},' in file.read(), "COPY writes every digit, as a number"
types, rows = ask("select token, sum(size) from 'fills.json' group by token")
assert types[0] == "DOUBLE" and len(rows) == 1 and rows[0][1] == 12, "two outcomes have become one"
types, rows = ask("select token, sum(size) from 'fills.parquet' group by token order by 2")
assert types[0] == "VARCHAR" and rows == [(str(one), 5), (str(one + 1), 7)]
types, _ = ask("select token from read_json('fills.json', columns={token: 'BIGNUM'})")
assert types == ["NotImplementedException"]
types, rows = ask("select token from read_json('fills.json', columns={token: 'VARCHAR'})")
assert types == ["VARCHAR"] and rows == [(str(one),), (str(one + 1),)]
assert ask("select max(token) - min(token) from 'fills.csv'") == (["BIGNUM"], [("1",)])
assert ask("select distinct token * 2 from 'fills.csv'")[0] == ["DOUBLE"]
PY
"$folder/venv/bin/python" "$folder/show.py" "$folder"
