"""The shared gate against two known limiters, and against a server that allows less than it says.

`python -m benchmarks.gate` starts its own Valkey, prints a table, and ends with one JSON line of all figures. It exits
with 1 when a bound does not hold. `--seconds 3` makes a short run, whose figures are rougher.
"""

import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.rigs.gate_ban import measure_ban
from benchmarks.rigs.gate_peers import BURST, PROCESSES, TARGET_PER_S, Race, measure_race
from benchmarks.rigs.gate_speed import Speed, measure_speed
from ops.supervisor.embedded_redis import EmbeddedRedis
from simulator.command_line import HidingParser

LIMITERS = ("gate", "limits", "pyrate-limiter")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, judge; return the exit code."""
    parser = HidingParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each measurement")
    seconds = parser.parse_args(argv).seconds
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder), fsync="off") as server:
        speed = measure_speed(server.url)
        races = {name: measure_race(server.url, name, seconds) for name in LIMITERS}
        bans = {kind: measure_ban(server.url, kind, 2 * seconds) for kind in ("adaptive", "fixed")}
    console = Console(width=110)
    console.print(_race_table(races, seconds))
    console.print(_speed_table(speed))
    console.print(_ban_table(bans))
    ok = _verdicts(races["gate"], speed, bans, seconds)
    report = {
        "seconds": seconds,
        "target_per_s": TARGET_PER_S,
        "burst": BURST,
        "processes": PROCESSES,
        "race": {name: race.figures() for name, race in races.items()},
        "speed": speed.figures(),
        "ban": bans,
        "ok": ok,
    }
    print(json.dumps(report))
    return 0 if all(ok.values()) else 1


def _verdicts(gate: Race, speed: Speed, bans: Mapping[str, Any], seconds: float) -> dict[str, bool]:
    adaptive, fixed = bans["adaptive"], bans["fixed"]
    return {
        "grants_at_least_99_percent": gate.grants >= 0.99 * TARGET_PER_S * seconds,
        "worst_second_within_target_and_burst": gate.worst_second <= TARGET_PER_S + BURST,
        "least_served_at_least_90_percent_of_most": min(gate.served) >= 0.9 * max(gate.served),
        "acquire_at_most_1_3_of_bare_script": speed.ratio <= 1.3,
        "adaptive_serves_more": adaptive["served_per_s"] >= 1.5 * fixed["served_per_s"],
        "adaptive_is_refused_less": adaptive["refused"] <= fixed["refused"],
    }


def _race_table(races: Mapping[str, Race], seconds: float) -> Table:
    title = f"{PROCESSES} processes, {seconds:g} s, target {TARGET_PER_S}/s"
    table = Table("limiter", "grants", "worst 1 s", "least-most served", "Redis commands/grant", title=title)
    for name, race in races.items():
        served = f"{min(race.served)}-{max(race.served)}"
        table.add_row(name, str(race.grants), str(race.worst_second), served, f"{race.commands_per_grant:.1f}")
    return table


def _speed_table(speed: Speed) -> Table:
    table = Table("one acquire without waiting", "p50 us", "p99 us", title="Speed, one caller")
    table.add_row("gate", f"{speed.gate_us:.0f}", f"{speed.gate_p99_us:.0f}")
    table.add_row("bare EVALSHA of 'return 1'", f"{speed.bare_us:.0f}", f"{speed.bare_p99_us:.0f}")
    table.add_row("the same through Script, as the gate", f"{speed.bare_by_script_us:.0f}", "")
    table.add_row("gate / bare", f"{speed.ratio:.2f}", "")
    return table


def _ban_table(bans: Mapping[str, Any]) -> Table:
    table = Table("gate", "served/s", "refused", title="A server that allows 30/s and bans for 1 s, told 50/s")
    for kind, found in bans.items():
        table.add_row(kind, f"{found['served_per_s']:.1f}", str(found["refused"]))
    return table


if __name__ == "__main__":
    sys.exit(main())
