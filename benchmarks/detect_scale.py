"""The cost of each source for one leader or ten thousand, in requests, processor and memory.

`python -m benchmarks.detect_scale` lets eight leaders trade at the local venue and tells a detector to follow them and
as many silent wallets as it takes. Chain logs and push should cost the same for all, polling what its gate allows. The
last line is JSON; the exit code is 1 when a bound does not hold.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.rigs.detect_rig import PUSH, SHOWN_AT, Tape, Venue, detecting, emptied, rest, server, sources, venue
from shared.polymarket.wire.endpoints import BUDGETS
from simulator.command_line import HidingParser

MEMORY_MB = 200.0
UPSTREAM = {"chain_logs": "rpc", "data_api": "data"}
CPU_SLACK = 0.05
"""Processor seconds a second that may come on top and still count as flat."""
TRADERS = 8


@dataclass(frozen=True)
class Cost:
    """What one source costs for so many leaders, each second; memory in MB."""

    source: str
    leaders: int
    requests: float
    cpu: float
    rss_mb: float
    ready_s: float
    signals: int
    fills: int


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, judge; return the exit code."""
    asked = _parser().parse_args(argv)
    sizes = [int(size) for size in asked.sizes.split(",")]
    names = [name for name in (asked.sources or sources()).split(",") if name != "subgraph"]
    with server() as url, venue("--leaders", str(TRADERS), "--fills-per-minute", "240") as where:
        found = [_cost(where, url, name, size, asked.seconds) for name in names for size in sizes]
    Console(width=110).print(_table(found))
    ok = _verdicts(found)
    print(json.dumps({"seconds": asked.seconds, "costs": [asdict(cost) for cost in found], "ok": ok}))
    return 0 if all(ok.values()) else 1


def _cost(where: Venue, url: str, source: str, size: int, seconds: float) -> Cost:
    wallets = [*where.leaders, *(_silent(number) for number in range(size))][:size]
    with emptied(url) as redis, detecting(where, url, tracked_wallets=",".join(wallets), sources=source) as detector:
        tape, waited = Tape(redis), 0.0
        while not tape.read() and waited < seconds:
            rest(0.5)
            waited += 0.5
        rest(seconds / 3)
        where.asked()
        cpu_s, before = detector.cpu_s(), tape.read()
        start_ms = where.now_ms()
        rest(seconds)
        end_ms = where.now_ms()
        ours = [fill for fill in where.fills_after(0) if fill["leader"] in wallets[:TRADERS]]
        return Cost(
            source=source,
            leaders=size,
            requests=round(where.asked()[UPSTREAM.get(source, source)] / seconds, 2),
            cpu=round((detector.cpu_s() - cpu_s) / seconds, 4),
            rss_mb=round(detector.rss_mb(), 1),
            ready_s=waited,
            signals=tape.read() - before,
            fills=_shown(source, ours, start_ms, end_ms),
        )


def _shown(source: str, fills: list[Mapping[str, Any]], start_ms: int, end_ms: int) -> int:
    """Count what a source showed; push shows equal fills of one transaction once."""
    shown = [fill for fill in fills if start_ms <= fill[SHOWN_AT[source]] < end_ms]
    names = ("leader", "tx_hash", "token_id", "side", "shares_micro", "usdc_micro")
    return len({tuple(fill[name] for name in names) for fill in shown}) if source == PUSH else len(shown)


def _silent(number: int) -> str:
    return "0x" + hashlib.sha256(f"silent {number}".encode()).hexdigest()[:40]


def _verdicts(found: list[Cost]) -> dict[str, bool]:
    ok: dict[str, bool] = {}
    for name in dict.fromkeys(cost.source for cost in found):
        costs = [cost for cost in found if cost.source == name]
        least, most = costs[0], costs[-1]
        ok[f"{name}_below_{MEMORY_MB:.0f}_mb"] = all(cost.rss_mb < MEMORY_MB for cost in costs)
        if name == "data_api":
            allowed = BUDGETS["data_activity"].target_per_s * 1.1
            ok["data_api_within_its_gate"] = all(cost.requests <= allowed for cost in costs)
            continue
        ok[f"{name}_requests_flat"] = most.requests <= least.requests * 1.2 + 0.1
        ok[f"{name}_cpu_flat"] = most.cpu <= least.cpu * 1.5 + CPU_SLACK
        ok[f"{name}_still_signals"] = all(cost.signals >= 0.8 * cost.fills - 3 for cost in costs)
    ok["push_was_measured"] = any(cost.source == PUSH for cost in found)
    return ok


def _table(found: list[Cost]) -> Table:
    heads = ("requests/s", "CPU s/s", "RSS MB", "first signal after s", "fills signalled", "fills shown")
    table = Table("source", "leaders", *heads, title="What following costs")
    for cost in found:
        values = (f"{cost.requests:.2f}", f"{cost.cpu:.3f}", f"{cost.rss_mb:.0f}", f"{cost.ready_s:.1f}")
        table.add_row(cost.source, f"{cost.leaders:,}", *values, str(cost.signals), str(cost.fills))
    return table


def _parser() -> argparse.ArgumentParser:
    parser = HidingParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=12.0, help="length of each measurement (12)")
    parser.add_argument("--sizes", default="1,100,1000,10000", help="how many leaders (1,100,1000,10000)")
    parser.add_argument("--sources", default="", help="which sources (all)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
