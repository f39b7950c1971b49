"""What starting and waiting take: CPU of `hybrid --help` and `hybrid status --once`, memory of an idle `hybrid up`.

`python -m benchmarks.startup [--beside COMMIT]`: CPU is user and system of the whole command, the best of so many, a
bare interpreter beside it; memory is PSS (what is shared is divided by those who share it) of `up`, its programs and
their server. Trees take turns. The last line is one JSON object.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.idle import VENUE, pipeline, process_name, warm
from benchmarks.rigs.beside import NOW, THEN, environment, in_turns, trees
from benchmarks.rigs.processes import below, pss_mb
from ops.supervisor.embedded_redis import EmbeddedRedis, free_port

RUNS, WARM_S = 5, 15.0
HYBRID = ("-m", "ops.cli")
COMMANDS: dict[str, tuple[str, ...]] = {
    "python": ("-c", "pass"),
    "hybrid --help": (*HYBRID, "--help"),
    "status, no server": (*HYBRID, "status", "--once"),
    "status, server": (*HYBRID, "status", "--once"),
}
WITH_SERVER = "status, server"
WHOLE = "all"
Row = dict[str, float]


def main() -> int:
    """Measure, print a table and one line of JSON."""
    asked = _parser().parse_args()
    with trees(asked.beside) as places:
        cpu = _cpu(places, asked.runs)
        memory = {} if asked.no_memory else _least(in_turns(places, 1, lambda tree: _memory(tree, asked.warm)))
    _print("CPU s", cpu)
    _print("PSS MB", memory)
    print(json.dumps({"benchmark": "startup", "beside": asked.beside, "cpu_s": cpu, "pss_mb": memory}))
    return 0


def _cpu(places: dict[str, Path], runs: int) -> dict[str, Row]:
    """Return the CPU seconds of each command; what the first run of each compiles is not counted."""
    with tempfile.TemporaryDirectory(prefix="startup-") as folder, EmbeddedRedis(Path(folder) / "valkey") as server:
        urls = {name: f"redis://127.0.0.1:{free_port()}/0" for name in COMMANDS} | {WITH_SERVER: server.url}

        def once(tree: Path) -> Row:
            return {name: _cpu_s(tree, words, urls[name]) for name, words in COMMANDS.items()}

        in_turns(places, 1, once)
        return _least(in_turns(places, runs, once))


def _cpu_s(tree: Path, words: tuple[str, ...], redis_url: str) -> float:
    """Run one command; return the CPU seconds of it and of what it started."""
    command, told = [sys.executable, "-P", *words], environment(tree, REDIS_URL=redis_url)
    with subprocess.Popen(command, env=told, cwd=tree, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return used.ru_utime + used.ru_stime


def _memory(tree: Path, warm_s: float) -> Row:
    """Return the memory of each process of an idle pipeline, and of all together."""
    with tempfile.TemporaryDirectory(prefix="startup-") as folder, pipeline(Path(folder), tree) as here:
        warm(here.up, warm_s)
        found: Row = {}
        for pid in (here.up, *below(here.up)):
            name = "up" if pid == here.up else process_name(pid)
            found[name] = found.get(name, 0.0) + pss_mb(pid)
    found.pop(VENUE, None)
    return found | {WHOLE: sum(found.values())}


def _least(found: Mapping[str, list[Row]]) -> dict[str, Row]:
    """Return the least of each figure by what it is of, with the share of now in then where both are there."""
    least = {tree: {name: min(run[name] for run in runs) for name in runs[0]} for tree, runs in found.items()}
    rows = {name: {tree: round(row[name], 3) for tree, row in least.items() if name in row} for name in least[NOW]}
    return {name: row | _share(row) for name, row in rows.items()}


def _share(row: Row) -> Row:
    return {"now/then": round(row[NOW] / row[THEN], 3)} if row.get(THEN) else {}


def _print(what: str, rows: Mapping[str, Mapping[str, Any]]) -> None:
    if rows:
        columns = list(next(iter(rows.values())))
        print(f"{what:20}" + "".join(f"{column:>10}" for column in columns))
    for name, row in rows.items():
        print(f"{name:20}" + "".join(f"{value:>10}" for value in row.values()))


def _parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    words.add_argument("--beside", default="", metavar="COMMIT", help="its code is run beside this tree's")
    words.add_argument("--runs", type=int, default=RUNS, help="runs of each command; the least counts")
    words.add_argument(
        "--warm", type=float, default=WARM_S, help="seconds that the pipeline idles before it is looked at"
    )
    words.add_argument("--no-memory", action="store_true", help="only the commands")
    return words


if __name__ == "__main__":
    sys.exit(main())
