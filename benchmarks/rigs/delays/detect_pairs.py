"""What it costs to wait for a second word (`EMIT_RULE=corroborated`), for each pair of sources.

One detector for each pair watches the same leaders at the local venue, at its real delays. Of each signal that one node
saw first the wait is what lies between that node's sight of it and the signal; what the venue's own feed saw first
waits for nobody.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from rich.table import Table

from benchmarks.rigs.detect_rig import CLOCK, Tape, Venue, detecting, emptied, percentile, rest, server, venue
from shared.domain.witnesses import NODES
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis

PAIRS: Mapping[str, tuple[str, bool]] = {
    "chain_logs + rtds": ("chain_logs,rtds", False),
    "chain_logs + data_api": ("chain_logs,data_api", False),
    "chain_logs + second node": ("chain_logs", True),
    "all, no second node": ("data_api,chain_logs,rtds", False),
    "all, and a second node": ("data_api,chain_logs,rtds", True),
}
"""Sources, and whether a second node is asked."""
CHAIN_POLL_S = 0.5
WARM_S, DRAIN_S = 6.0, 12.0
PERCENTS = (50, 95, 99)
BOUND_P50_MS = 100.0
"""What all sources together may add in the middle: the venue's feed and the logs come within a second of each other."""

Figures = dict[str, Any]


def measure_pairs(seconds: float, per_minute: float) -> dict[str, Figures]:
    """Return, for each pair, how many signals there were and what the second word added, in ms."""
    found: dict[str, Figures] = {}
    with server() as url, venue("--fills-per-minute", str(per_minute), "--leaders", "8") as where:
        emptied(url).close()
        for number, (name, (sources, second)) in enumerate(PAIRS.items()):
            there = urlsplit(url)._replace(path=f"/{number}").geturl()
            found[name] = _figures(_measured(where, there, sources, seconds, second=second))
    return found


def judge_pairs(found: Mapping[str, Figures]) -> dict[str, bool]:
    """Say which bounds hold."""
    return {
        "every_pair_was_measured": all(each["signals"] >= 20 for each in found.values()),
        "all_sources_leave_nothing_unconfirmed": not any(
            each["unconfirmed"] for name, each in found.items() if name.startswith("all")
        ),
        "all_sources_together_add_little": found["all, and a second node"]["all"]["p50"] <= BOUND_P50_MS,
    }


def pair_table(found: Mapping[str, Figures]) -> Table:
    """Return what is shown of them."""
    title = f"Milliseconds that a second word adds (chain logs every {CHAIN_POLL_S:g} s)"
    heads = ("signals", "a node first", "all: p50", "p95", "p99", "of these: p50", "p95", "p99", "unconfirmed")
    table = Table("sources", *heads, title=title)
    for name, each in found.items():
        spreads = [each[kind][f"p{percent}"] for kind in ("all", "waited") for percent in PERCENTS]
        counts = (str(each["signals"]), str(each["node_first"]))
        table.add_row(name, *counts, *(f"{value:.0f}" for value in spreads), str(each["unconfirmed"]))
    return table


def _measured(where: Venue, url: str, sources: str, seconds: float, *, second: bool) -> list[ActionableSignal]:
    given = {"chain_poll_every_s": str(CHAIN_POLL_S), "rpc_rate_per_s": "40", "sources": sources}
    if second:
        given["second_rpc_url"] = where.environment["RPC_URL"] + "2"
    with detecting(where, url, emit_rule="corroborated", **given) as detector:
        rest(WARM_S)
        start_ms, end_ms = CLOCK.now_ms(), CLOCK.now_ms() + round(1000 * seconds)
        rest(seconds + DRAIN_S)
        if not detector.alive():
            raise SystemExit(f"the detector ended: {detector.said()}")
    with connect_redis(url) as redis:
        tape = Tape(redis)
        tape.read()
    # What was traded before can be told by sources that have a past alone, and what comes last may be on its way.
    return [signal for signal in tape.signals if start_ms <= signal.traded_at_ms < end_ms]


def _figures(signals: list[ActionableSignal]) -> Figures:
    waits = [_wait_ms(signal) for signal in signals]
    waited = [wait for wait, signal in zip(waits, signals, strict=True) if signal.seen_by[0].source in NODES]
    return {
        "signals": len(signals),
        "unconfirmed": sum(signal.emitted_by == "unconfirmed" for signal in signals),
        "node_first": len(waited),
        "all": _spread(waits),
        "waited": _spread(waited),
    }


def _wait_ms(signal: ActionableSignal) -> float:
    """Return what the second word added: nothing where the venue's own came first."""
    first = signal.seen_by[0]
    return float(signal.emitted_at_ms - first.seen_at_ms) if first.source in NODES else 0.0


def _spread(values: list[float]) -> dict[str, float]:
    return {f"p{percent}": round(percentile(values, percent), 1) if values else 0.0 for percent in PERCENTS}
