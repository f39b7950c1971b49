"""The matcher's memory over a day at the density of life: pure, so a day takes seconds."""

import tracemalloc
from pathlib import Path
from typing import Any

from benchmarks.rigs.detect_history import Line, lines_of
from detector.domain.fill_view import FillView
from detector.domain.matcher import Matcher
from shared.domain.money import to_micro
from shared.polymarket.wire.leader_fills import LeaderFill

PARTS = 10
_LAG_MS = 2000


def measure_memory(paths: list[Path]) -> dict[str, Any]:
    """Show the matcher every trade when it happened, publish each draft; return the memory after each tenth."""
    lines = sorted(
        (line for path in paths for line in lines_of(path) if line["side"]), key=lambda line: line["timestamp"]
    )
    matcher, most, found = Matcher(), 0, list[float]()
    tracemalloc.start()
    size = max(1, len(lines) // PARTS)
    for place, line in enumerate(lines):
        fill = _fill(line)
        for draft in matcher.match_view(FillView("chain_logs", fill.traded_at_ms + _LAG_MS, (fill,))).drafts:
            matcher.mark_published(draft)
        most = max(most, len(matcher))
        if (place + 1) % size == 0:
            found.append(tracemalloc.get_traced_memory()[0] / 2**20)
    tracemalloc.stop()
    hours = (int(lines[-1]["timestamp"]) - int(lines[0]["timestamp"])) / 3600
    return {"mb": [round(mb, 2) for mb in found], "most_keys": most, "hours": hours, "growth_mb": _growth(found)}


def _growth(found: list[float]) -> float:
    """Return how much more the second half took than the first."""
    half = len(found) // 2
    return round(max(found[half:], default=0.0) - max(found[:half], default=0.0), 2)


def _fill(line: Line) -> LeaderFill:
    return LeaderFill(
        leader=line["wallet_addr"],
        tx_hash=line["tx_hash"],
        token_id=f"{line['market']}/{line['outcome']}",
        side="BUY" if line["side"] == "BUY" else "SELL",
        shares_micro=to_micro(line["size"]),
        usdc_micro=to_micro(line["usdc"]),
        traded_at_ms=int(line["timestamp"]) * 1000,
    )
