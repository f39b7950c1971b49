"""The cost of waiting: CPU seconds of each process of `hybrid up` while nobody trades.

`python -m benchmarks.idle [--seconds 60]`: the local venue with leaders that do nothing, the pipeline with its own
durable server, some seconds to get warm, then the measured span. The last line is one JSON object. The venue is no part
of the pipeline: it is shown, and not counted.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.rigs.beside import HERE, environment
from benchmarks.rigs.processes import below, cpu_s
from ops.demo import demo
from ops.supervisor.up import PROGRAMS
from shared.clock import SystemClock
from shared.process.shutdown_signals import DIE_WITH_PARENT
from simulator.command_line import HidingParser

CLOCK = SystemClock()
NEVER = threading.Event()
WARM_S, SECONDS, ENDS_S = 15.0, 60.0, 20.0
LOOK_S, LONGEST_WARM_S, STARTED_PERCENT = 2.0, 60.0, 20
MOST_PERCENT = 4.0
"""What the whole pipeline may take of one core."""
VENUE = "simulator"


def main() -> int:
    """Measure, print a table and one line of JSON; 0 when the pipeline stays below its bound."""
    asked = HidingParser(prog="python -m benchmarks.idle", description="CPU of a pipeline that waits.")
    asked.add_argument("--seconds", type=float, default=SECONDS, help="measured span")
    asked.add_argument("--warm", type=float, default=WARM_S, help="seconds before it")
    told = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix="idle-") as folder, pipeline(Path(folder)) as here:
        warm(here.up, told.warm)
        before, began = used(os.getpid(), here.up), CLOCK.monotonic()
        CLOCK.wait(NEVER, told.seconds)
        after, span = used(os.getpid(), here.up), CLOCK.monotonic() - began
    spent = {name: after[name] - before.get(name, 0.0) for name in sorted(after)}
    return _report(spent, span)


def warm(up: int, seconds: float) -> None:
    """Wait so long, and on a busy machine until the processes have started: importing is no idling."""
    CLOCK.wait(NEVER, seconds)
    ends = CLOCK.monotonic() + LONGEST_WARM_S
    while CLOCK.monotonic() < ends:
        before = used(os.getpid(), up)
        CLOCK.wait(NEVER, LOOK_S)
        now = used(os.getpid(), up)
        if _all(now) and sum(now.values()) - sum(before.values()) < STARTED_PERCENT / 100 * LOOK_S:
            return


def _all(names: Iterable[str]) -> bool:
    return {name for name, _ in PROGRAMS} <= set(names)


@dataclass(frozen=True)
class Running:
    """A venue, and the process id of `hybrid up` before it."""

    world: demo.DemoWorld
    up: int


@contextlib.contextmanager
def pipeline(folder: Path, tree: Path | None = None, /, **told: str) -> Generator[Running]:
    """Run a venue where nobody trades by himself, and a tree's `hybrid up`, told this too, while the block runs."""
    quiet = ("--fills-per-minute", "0", "--resolve-after", "86400")
    log, tree = folder / "up.log", tree or HERE
    own = {"HEALTH_PORT": "0", DIE_WITH_PARENT: str(os.getpid())}
    with demo.simulator(CLOCK, *quiet) as world, log.open("w", encoding="utf-8") as out:
        up = subprocess.Popen(
            [sys.executable, "-m", "ops.cli", "up", "--data-dir", str(folder / "var")],
            env=environment(tree, **{**world.environment, **told, **own}),
            cwd=tree,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=out,
        )
        try:
            yield Running(world, up.pid)
        finally:
            up.send_signal(signal.SIGTERM)
            try:
                up.wait(ENDS_S)
            except subprocess.TimeoutExpired:
                up.kill()
                up.wait()


def used(root: int, up: int) -> dict[str, float]:
    """Return the CPU seconds so far of each process below `root`, by name."""
    found: dict[str, float] = {}
    for pid in below(root):
        with contextlib.suppress(OSError):
            name = "up" if pid == up else process_name(pid)
            found[name] = found.get(name, 0.0) + cpu_s(pid)
    return found


def process_name(pid: int) -> str:
    """Name a process by what it runs."""
    with contextlib.suppress(OSError):
        words = (Path("/proc") / str(pid) / "cmdline").read_text(encoding="utf-8").split("\0")
        modules = {module: name for name, module in PROGRAMS}
        named = next((words[at + 1] for at, word in enumerate(words[:-1]) if word == "-m"), "")
        return modules.get(named) or named or Path(words[0].split(" ")[0]).name or str(pid)
    return str(pid)


def _report(spent: Mapping[str, float], span: float) -> int:
    table = Table(title=f"idle for {span:.0f} s", title_justify="left")
    for column in ("process", "CPU s", "% of a core"):
        table.add_column(column, justify="left" if column == "process" else "right")
    for name, seconds in spent.items():
        table.add_row(name, f"{seconds:.2f}", f"{100 * seconds / span:.2f}")
    ours = {name: seconds for name, seconds in spent.items() if name != VENUE}
    percent = 100 * sum(ours.values()) / span
    table.add_row("all but the venue", f"{sum(ours.values()):.2f}", f"{percent:.2f}")
    Console(stderr=True).print(table)
    missing = {name for name, _ in PROGRAMS} - ours.keys()
    facts = {
        "benchmark": "idle",
        "seconds": round(span, 1),
        "cpu_s": {name: round(seconds, 2) for name, seconds in spent.items()},
        "percent_of_a_core": round(percent, 2),
        "at_most": MOST_PERCENT,
        "missing": sorted(missing),
        "ok": percent < MOST_PERCENT and not missing,
    }
    print(json.dumps(facts))
    return 0 if facts["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
