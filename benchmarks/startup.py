"""What starting and waiting take: CPU of `hybrid --help` and `hybrid status --once`, memory of `hybrid up`.

`python -m benchmarks.startup [--beside COMMIT] [--signals 10000]`: CPU is user and system of the whole command, the
best of so many, a bare interpreter beside it; memory is PSS (what is shared is divided by those who share it) of `up`,
its programs and their server, idle and after so many signals. Trees take turns. The last line is one JSON object.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from redis import Redis

from benchmarks.burst import NEVER, TOLD, burst, prepared
from benchmarks.idle import CLOCK, VENUE, Running, pipeline, process_name, warm
from benchmarks.rigs.beside import NOW, THEN, environment, in_turns, trees
from benchmarks.rigs.processes import below, pss_mb
from ops.supervisor.embedded_redis import EmbeddedRedis, free_port
from ops.supervisor.server_folder import find_url
from shared.http.client import Upstream
from shared.messages.base import DECISIONS
from shared.redis.client import connect_redis
from simulator.command_line import HidingParser

RUNS, WARM_S = 5, 15.0
TOKENS, SIGNALS_PER_S, DECIDED_WITHIN_S = 8, 100, 600.0
SAME_SOURCES = {"PENDING_URLS": ""}
"""None that not every tree has: each sighting is remembered and told."""
RESTS_S = 5.0
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
        memory = {} if asked.no_memory else _least(in_turns(places, 1, lambda tree: _memory(tree, asked)))
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


def _memory(tree: Path, asked: argparse.Namespace) -> Row:
    """Return the memory of each process of an idle pipeline and of all together, then the same after signals."""
    known = (tree / ".env.example").read_text(encoding="utf-8")
    told = {name: value for name, value in TOLD.items() if name in known} | SAME_SOURCES
    with tempfile.TemporaryDirectory(prefix="startup-") as folder, pipeline(Path(folder), tree, **told) as here:
        warm(here.up, asked.warm)
        found = _pss(here.up)
        if asked.signals:
            _trade(here, find_url(data_dir=Path(folder) / "var"), asked.signals)
            found |= {f"{name}, traded": memory for name, memory in _pss(here.up).items()}
    return found


def _pss(up: int) -> Row:
    """Return the memory of `up` and of each process below it, in MB, and of all together; not of who just ended."""
    found: Row = {}
    for pid in (up, *below(up)):
        name = "up" if pid == up else process_name(pid)
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            found[name] = found.get(name, 0.0) + pss_mb(pid)
    found.pop(VENUE, None)
    return found | {WHOLE: sum(found.values())}


def _trade(here: Running, redis_url: str, signals: int) -> None:
    """Let leaders trade so often, `SIGNALS_PER_S` at most; wait until all are decided and the server rests.

    Raises:
        TimeoutError: they are not.
    """
    levers = Upstream("levers", str(here.world.urls["control_url"]), [], clock=CLOCK, stop=NEVER)
    burst(levers, here.world.leaders, prepared(levers, TOKENS), signals, signals / SIGNALS_PER_S)
    ends, before = CLOCK.monotonic() + DECIDED_WITHIN_S, -1
    with connect_redis(redis_url) as redis:
        while (told := _told(redis)) < signals or told > before or _rewrites_file(redis):
            if CLOCK.monotonic() > ends:
                raise TimeoutError(f"{told} decisions and orders were told after {signals} trades")
            before = told
            CLOCK.wait(NEVER, RESTS_S)


def _rewrites_file(redis: Redis) -> bool:
    """Say whether the server writes its file anew just now, for which it is there twice."""
    return bool(cast("dict[str, int]", redis.info("persistence"))["aof_rewrite_in_progress"])


def _told(redis: Redis) -> int:
    """Return how many decisions and steps of orders were told, those that the stream has dropped again too."""
    found = cast("dict[str, int]", redis.xinfo_stream(DECISIONS)) if redis.exists(DECISIONS) else {}
    return found.get("entries-added", 0)


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
    words = HidingParser(prog="python -m benchmarks.startup", description=__doc__)
    words.add_argument("--beside", default="", metavar="COMMIT", help="its code is run beside this tree's")
    words.add_argument("--runs", type=int, default=RUNS, help="runs of each command; the least counts")
    words.add_argument(
        "--warm", type=float, default=WARM_S, help="seconds that the pipeline idles before it is looked at"
    )
    words.add_argument("--signals", type=int, default=0, help="signals after which memory is looked at once more")
    words.add_argument("--no-memory", action="store_true", help="only the commands")
    return words


if __name__ == "__main__":
    sys.exit(main())
