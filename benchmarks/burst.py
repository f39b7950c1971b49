"""The wait of a burst, from the match to the decision, paper orders included, through the whole pipeline.

`python -m benchmarks.burst [--fills 30] [--seconds 2]`: the local venue, `hybrid up` with every source, and so many
fills of its leaders in so many seconds, on `--tokens` outcomes. The last line is one JSON object.
"""

import json
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from redis import Redis
from rich.console import Console
from rich.table import Table

from benchmarks.idle import CLOCK, pipeline, warm
from benchmarks.rigs.order_rig import DEEP, UNBOUNDED
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.http.client import Upstream
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from simulator.command_line import HidingParser

NEVER = threading.Event()
WARM_S, LONGEST_S = 12.0, 60.0
BOUND_S = 3.0
"""Seconds from the match within which 95 of 100 are decided."""
TOLD = {**UNBOUNDED, "PAPER_BANKROLL_USDC": "1000000", "STAKE_USDC": "5"}


def main() -> int:
    """Measure, print a table and one line of JSON; 0 when every fill was decided and the bound holds."""
    asked = HidingParser(prog="python -m benchmarks.burst", description="Match to decision in a burst.")
    asked.add_argument("--fills", type=int, default=30)
    asked.add_argument("--seconds", type=float, default=2.0, help="within which they happen")
    asked.add_argument("--tokens", type=int, default=8, help="outcomes that are traded")
    told = asked.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="burst-") as name,
        EmbeddedRedis(Path(name) / "valkey") as server,
        pipeline(Path(name), REDIS_URL=server.url, **TOLD) as here,
    ):
        warm(here.up, WARM_S)
        levers = Upstream("levers", str(here.world.urls["control_url"]), [], clock=CLOCK, stop=NEVER)
        tokens = prepared(levers, told.tokens)
        fills = burst(levers, here.world.leaders, tokens, told.fills, told.seconds)
        waited = decided(connect_redis(server.url), fills)
    return _report(waited, told.fills)


def prepared(levers: Upstream, count: int) -> list[str]:
    """Set a deep book on the first outcome of so many markets; return those outcomes."""
    markets = sorted(levers.get("/world")["markets"], key=lambda market: -market["end_ms"])[:count]
    for market in markets:
        levers.post("/tick", {"condition_id": market["condition_id"], "tick": "0.01"})
        levers.post("/book", {"token": market["tokens"][0], "bids": [["0.49", DEEP]], "asks": [["0.5", DEEP]]})
    return [market["tokens"][0] for market in markets]


def burst(
    levers: Upstream, leaders: Sequence[str], tokens: Sequence[str], count: int, seconds: float
) -> list[Mapping[str, Any]]:
    """Let leaders buy, evenly over the span; return the venue's own record of each fill."""
    began, found = CLOCK.monotonic(), list[Mapping[str, Any]]()
    for number in range(count):
        CLOCK.wait(NEVER, max(0.0, began + number * seconds / count - CLOCK.monotonic()))
        trade = {"leader": leaders[number % len(leaders)], "token": tokens[number % len(tokens)], "side": "BUY"}
        fills = levers.post("/fill", {**trade, "shares": "100", "price": "0.5"})["fills"]
        found += [fill for fill in fills if fill["leader"] == trade["leader"].lower()][:1]
    return found


def decided(redis: Redis, fills: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Return the seconds from each fill's match to its decision, and to its signal, when all are there."""
    matched = {(fill["leader"], fill["tx_hash"], fill["token_id"]): fill["matched_at_ms"] for fill in fills}
    deadline = CLOCK.monotonic() + LONGEST_S
    while True:
        signals = _first(redis, SIGNALS, ActionableSignal)
        decisions = _first(redis, DECISIONS, BuyEngineDecision)
        at = {name: matched.get((one.leader, one.tx_hash, one.token_id)) for name, (_, one) in signals.items()}
        ours = {name: matched_ms for name, matched_ms in at.items() if matched_ms is not None}
        if len(ours.keys() & decisions.keys()) >= len(matched) or CLOCK.monotonic() > deadline:
            break
        CLOCK.wait(NEVER, 0.2)
    spans = {"signal": signals, "decision": decisions}
    bought = sum(decisions[name][1].verdict == "BUY" for name in ours if name in decisions)
    print(f"{bought} of {len(matched)} bought", file=sys.stderr)
    return {
        kind: [(found[name][0] - matched_ms) / 1000 for name, matched_ms in ours.items() if name in found]
        for kind, found in spans.items()
    }


def _first(redis: Redis, stream: str, kind: type[Any]) -> dict[str, tuple[int, Any]]:
    """Return each signal's event of this kind, and when it stood on the stream."""
    found: dict[str, tuple[int, Any]] = {}
    for entry in stream_tail(redis, stream, 10_000):
        event = read_event(entry.json)
        if isinstance(event, kind):
            name = event.signal_id if isinstance(event, BuyEngineDecision) else event.id
            found.setdefault(name, (int(entry.id.partition("-")[0]), event))
    return found


def _report(waited: Mapping[str, Sequence[float]], fills: int) -> int:
    table = Table(title=f"{fills} fills in a burst: seconds from the match", title_justify="left")
    for column in ("to the", "n", "p50", "p95", "most"):
        table.add_column(column, justify="left" if column == "to the" else "right")
    figures = {kind: _spread(values) for kind, values in waited.items()}
    for kind, spread in figures.items():
        table.add_row(kind, *(f"{value:g}" for value in spread.values()))
    Console(stderr=True).print(table)
    found = figures["decision"]
    ok = found["n"] == fills and found["p95"] < BOUND_S
    print(json.dumps({"benchmark": "burst", "fills": fills, "seconds": figures, "p95_below": BOUND_S, "ok": ok}))
    return 0 if ok else 1


def _spread(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values) or [0.0]

    def at(part: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))], 3)

    return {"n": len(values), "p50": at(0.5), "p95": at(0.95), "most": at(1)}


if __name__ == "__main__":
    sys.exit(main())
