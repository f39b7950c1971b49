"""The delay from a fill to its signal: each source alone and all together, against the venue's own visibility times.

`python -m benchmarks.detect_delay` lets the local venue trade at its real delays while one detector for each source,
and one with all, watch the same leaders. The simulator says when each source could first show a fill; what comes on top
until the signal stands in the stream is ours. Then adaptive polling runs against round-robin polling at the same budget
(8 leaders with captured histories among 200 quiet ones) on a simulated clock. The last line is JSON. With `--pairs` it
measures instead what waiting for a second word adds (`benchmarks/rigs/delays/detect_pairs`).
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.table import Table

from benchmarks.detect_real import HOME
from benchmarks.rigs.delays.detect_pairs import judge_pairs, measure_pairs, pair_table
from benchmarks.rigs.delays.detect_polling import Polling, measure_polling
from benchmarks.rigs.delays.pending_cpu import measure_pending_cpu
from benchmarks.rigs.detect_rig import (
    PENDING,
    PUSH,
    SHOWN_AT,
    Detector,
    Tape,
    Venue,
    detecting,
    emptied,
    percentile,
    rest,
    server,
    sources,
    venue,
)
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from simulator.command_line import HidingParser

CHAIN_POLL_S = 0.5
PERCENTS = (50, 95, 99)
ALL = "all"
FIRST = "first: "
"""How many signals a source was the first to show."""
WITH_PENDING = "all, pending"
CHAIN = "chain_logs"
CHAIN_TIMES = 3
"""Every fill of a block is seen at once and a block comes every two seconds: it takes longer to meet all phases."""
WARM_S = 6.0
DRAIN_S = 9.0
"""The venue's slowest view takes this long."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, judge; return the exit code."""
    asked = _parser().parse_args(argv)
    if asked.pairs:
        return _pairs(asked.seconds, asked.fills_per_minute)
    if asked.cpu:
        return 0 if measure_pending_cpu(asked.frames) else 1
    delays = measure_delays(asked.seconds, asked.fills_per_minute)
    polling = measure_polling(asked.data, asked.hours)
    console = Console(width=150)
    console.print(_delay_table(delays))
    console.print(_polling_table(polling))
    ok = _verdicts(delays, polling)
    figures = {name: _figures(found) for name, found in delays.items()}
    report = {"seconds": asked.seconds, "chain_poll_s": CHAIN_POLL_S, "delays_ms": figures}
    print(json.dumps({**report, "polling": {each.name: each.figures() for each in polling}, "ok": ok}))
    return 0 if all(ok.values()) else 1


def _pairs(seconds: float, per_minute: float) -> int:
    found = measure_pairs(seconds, per_minute)
    Console(width=140).print(pair_table(found))
    ok = judge_pairs(found)
    print(json.dumps({"seconds": seconds, "pairs": found, "ok": ok}))
    return 0 if all(ok.values()) else 1


def measure_delays(seconds: float, per_minute: float) -> dict[str, dict[str, list[float]]]:
    """Return, for each detector, `ours` (after the first possible sight) and `whole` (after the match) in ms."""
    wanted = {name: name for name in sources().split(",") if name in SHOWN_AT} | {ALL: sources()}
    wanted |= {PENDING: f"{CHAIN},{PENDING}", WITH_PENDING: f"{sources()},{PENDING}"}
    found: dict[str, dict[str, list[float]]] = {}
    with server() as url, venue("--fills-per-minute", str(per_minute), "--leaders", "8") as where:
        emptied(url).close()
        for number, (name, chosen) in enumerate(wanted.items()):
            span_s = seconds * (CHAIN_TIMES if name == CHAIN else 1)
            found[name] = _measured(where, urlsplit(url)._replace(path=f"/{number}").geturl(), chosen, span_s)
    return found


def _measured(where: Venue, url: str, chosen: str, seconds: float) -> dict[str, list[float]]:
    named = [name for name in chosen.split(",") if name != PENDING]
    paces = {"chain_poll_every_s": str(CHAIN_POLL_S), "rpc_rate_per_s": "20", "emit_rule": "first"}
    paces |= {"sources": ",".join(named)} | ({"pending_urls": where.pending_urls} if PENDING in chosen else {})
    with detecting(where, url, **paces) as detector:
        rest(WARM_S)
        start = where.now_ms()
        rest(seconds)
        end = where.now_ms()
        rest(DRAIN_S)
        return _held(where, detector, url, chosen, (start, end))


def _held(where: Venue, detector: Detector, url: str, chosen: str, span: tuple[int, int]) -> dict[str, list[float]]:
    if not detector.alive():
        raise SystemExit(f"the detector ended: {detector.said()}")
    with connect_redis(url) as redis:
        tape = Tape(redis)
        tape.read()
    views = [SHOWN_AT[name] for name in chosen.split(",") if name in SHOWN_AT]
    fills = [fill for fill in where.fills_after(0) if span[0] <= fill["matched_at_ms"] < span[1]]
    first = _first_published(tape.found)
    pairs = [(fill, first[_key(fill)]) for fill in _first_fills(fills) if _key(fill) in first]
    keys = {_key(fill) for fill in fills}
    in_span = (signal for _, signal in tape.found if _signal_key(signal) in keys)
    seen_first = Counter(signal.seen_by[0].source for signal in in_span)
    return {
        **{f"{FIRST}{source}": [float(count)] for source, count in seen_first.items()},
        "ours": [float(at_ms - _first_shown(fill, views)) for fill, at_ms in pairs],
        "whole": [float(at_ms - fill["matched_at_ms"]) for fill, at_ms in pairs],
    }


def _first_shown(fill: Mapping[str, Any], views: list[str]) -> int:
    """Return when any of these sources could first show a fill; what no node shows pending, the others do."""
    return min(fill[view] for view in views if fill[view] is not None)


def _first_fills(fills: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return one fill of each signal: the first."""
    return list({_key(fill): fill for fill in reversed(fills)}.values())


def _first_published(found: list[tuple[int, ActionableSignal]]) -> dict[tuple[str, ...], int]:
    first: dict[tuple[str, ...], int] = {}
    for at_ms, signal in found:
        first.setdefault(_signal_key(signal), at_ms)
    return first


def _signal_key(signal: ActionableSignal) -> tuple[str, ...]:
    return (signal.leader, signal.tx_hash, signal.token_id, signal.side)


def _key(fill: Mapping[str, Any]) -> tuple[str, ...]:
    return (fill["leader"], fill["tx_hash"], fill["token_id"], fill["side"])


def _figures(found: Mapping[str, list[float]]) -> dict[str, Any]:
    shares = {kind.removeprefix(FIRST): int(values[0]) for kind, values in found.items() if kind.startswith(FIRST)}
    return {kind: _spread(found[kind]) for kind in ("ours", "whole")} | {"seen_first": shares}


def _first_words(found: Mapping[str, list[float]]) -> str:
    shares: dict[str, int] = _figures(found)["seen_first"]
    total = max(1, sum(shares.values()))
    return ", ".join(f"{name} {count / total:.0%}" for name, count in sorted(shares.items(), key=lambda one: -one[1]))


def _spread(values: list[float]) -> dict[str, float]:
    return {"n": len(values), **{f"p{percent}": round(percentile(values, percent), 1) for percent in PERCENTS}}


def _verdicts(delays: Mapping[str, Mapping[str, list[float]]], polling: list[Polling]) -> dict[str, bool]:
    in_turn, adaptive = polling
    ours = {name: percentile(found["ours"], 50) for name, found in delays.items()}
    whole = {name: percentile(found["whole"], 50) for name, found in delays.items()}
    return {
        "chain_logs_p50_below_100_ms_and_half_the_poll": ours[CHAIN] < 100 + 1000 * CHAIN_POLL_S / 2,
        "push_p50_below_10_ms": PUSH in ours and ours[PUSH] < 10,
        "pending_p50_below_5_ms": ours[PENDING] < 5,
        "pending_is_signalled_within_750_ms_of_the_match": max(whole[PENDING], whole[WITH_PENDING]) < 750,
        "at_most_0.4_of_what_it_is_without_pending": whole[WITH_PENDING] <= 0.4 * whole[ALL],
        "every_source_was_measured": all(len(found["ours"]) >= 20 for found in delays.values()),
        "adaptive_at_least_halves_the_median": adaptive.median_s <= in_turn.median_s / 2,
        "adaptive_keeps_its_bound": adaptive.longest_wait_s <= adaptive.bound_s,
    }


def _delay_table(delays: Mapping[str, Mapping[str, list[float]]]) -> Table:
    title = f"Milliseconds to the signal on the stream (chain logs every {CHAIN_POLL_S:g} s)"
    heads = ("signals", "ours p50", "p95", "p99", "from the match p50", "p95", "p99", "seen first by")
    table = Table("source", *heads, title=title)
    for name, found in delays.items():
        spreads = [percentile(found[kind], percent) for kind in ("ours", "whole") for percent in PERCENTS]
        table.add_row(name, str(len(found["ours"])), *(f"{value:.1f}" for value in spreads), _first_words(found))
    return table


def _polling_table(polling: list[Polling]) -> Table:
    title = "Polling at one budget: from visible in the Data API to polled, in s"
    table = Table("order", "fills", "p50", "p95", "p99", "longest wait", "polls/s", title=title)
    for each in polling:
        spread = (each.delay_s(50), each.delay_s(95), each.delay_s(99), each.longest_wait_s, each.polls_per_s)
        table.add_row(each.name, str(len(each.delays_s)), *(f"{value:.2f}" for value in spread))
    return table


def _parser() -> argparse.ArgumentParser:
    parser = HidingParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--seconds",
        type=float,
        default=30.0,
        help="how long each detector is measured; chain logs three times that (30)",
    )
    parser.add_argument(
        "--pairs", action="store_true", help="measure what waiting for a second word adds, for each pair of sources"
    )
    parser.add_argument("--cpu", action="store_true", help="measure the CPU of a pending transaction instead")
    parser.add_argument("--frames", type=int, default=2000, help="with --cpu: frames of each kind (2000)")
    parser.add_argument("--fills-per-minute", type=float, default=300.0, help="of all leaders together (300)")
    parser.add_argument("--hours", type=float, default=3.0, help="of captured trading for the polling (3)")
    data = Path(os.environ.get("HYBRID_REAL_DATA", HOME))
    parser.add_argument("--data", type=Path, default=data, help="folder of the captured data (HYBRID_REAL_DATA)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
