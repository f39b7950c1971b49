"""The detector against the local venue: what both need, and the sums that must agree."""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

from redis import Redis

from detector.config import DetectorSettings, parse_args
from detector.service import HybridDetector
from shared.domain.money import to_micro
from shared.messages.base import SIGNALS
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal
from simulator import Simulator
from tests.waiting import PATIENCE_S, wait_until

__all__ = [
    "FAST",
    "Sums",
    "detecting",
    "flags",
    "settings",
    "signals",
    "sums",
    "sums_of_rows",
    "trades_in",
    "truth",
    "wait_until",
]

FAST = {
    "poll_every_s": "0.2",
    "chain_poll_every_s": "0.2",
    "subgraph_poll_every_s": "0.3",
    "data_api_rate_per_s": "100",
    "rpc_rate_per_s": "200",
    "subgraph_rate_per_s": "100",
    "progress_every_s": "1",
    "source_grace_s": "1",
}


@dataclass(frozen=True)
class Sums:
    """What must agree to the micro-unit."""

    fills: int
    shares: int
    usdc: int


def flags(sim: Simulator, redis_url: str, leaders: str = "", **more: str) -> list[str]:
    """Return the words that point a detector at the venue; an empty value is a switch."""
    urls = {
        name: sim.urls[name]
        for name in ("data_api_url", "gamma_url", "clob_url", "rpc_url", "rtds_url", "subgraph_url")
    }
    wallets = leaders or ",".join(leader.address for leader in sim.leaders)
    known = {"redis_url": redis_url, "tracked_wallets": wallets, **urls, **FAST, **more}
    pairs = [(f"--{name.replace('_', '-')}", value) for name, value in known.items()]
    return [word for pair in pairs for word in pair if word]


@contextmanager
def detecting(cfg: DetectorSettings) -> Generator[HybridDetector]:
    """Run a detector in threads for as long as the block lasts."""
    with Path("/dev/null").open("w", encoding="ascii") as out:
        detector = HybridDetector(cfg, out=out)
        thread = threading.Thread(target=detector.run)
        thread.start()
        try:
            yield detector
        finally:
            detector.stop_event.set()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()


def settings(sim: Simulator, redis_url: str, **more: str) -> DetectorSettings:
    """Return settings for the venue."""
    return parse_args(flags(sim, redis_url, **more))


def signals(redis: Redis) -> list[ActionableSignal]:
    """Return what is on the stream; each entry is read once, since waits ask again every few milliseconds."""
    read = _READ.setdefault(redis, {})
    after = f"({next(reversed(read))}" if read else "-"
    entries = cast("list[tuple[str, dict[str, str]]]", redis.xrange(SIGNALS, after))
    for name, fields in entries:
        read[name] = _signal_in(fields)
    return [signal for signal in read.values() if signal is not None]


_READ: WeakKeyDictionary[Redis, dict[str, ActionableSignal | None]] = WeakKeyDictionary()
"""What each connection of a test has read of the stream, by entry."""


def _signal_in(fields: dict[str, str]) -> ActionableSignal | None:
    return cast("ActionableSignal", read_event(fields["json"])) if fields["event"] == "ACTIONABLE_SIGNAL" else None


def sums(found: list[ActionableSignal]) -> Sums:
    """Add up signals of trades."""
    found = [signal for signal in found if signal.cause == "TRADE"]
    return Sums(
        sum(len(signal.fills) for signal in found),
        sum(signal.shares for signal in found),
        sum(signal.usdc for signal in found),
    )


def truth(sim: Simulator) -> Sums:
    """Add up the venue's own record of the leaders' fills."""
    fills = [fill for fill in sim.world.fills if fill.tracked and not fill.removed]
    return Sums(len(fills), sum(fill.order.shares for fill in fills), sum(fill.order.usdc for fill in fills))


def sums_of_rows(rows: list[dict[str, Any]]) -> Sums:
    """Add up captured trades, lived again since CLOB V2: what moved is size x price, the rest of usdcSize is a fee."""
    return Sums(len(rows), sum(to_micro(row["size"]) for row in rows), sum(map(_collateral, rows)))


def _collateral(row: dict[str, Any]) -> int:
    paid, exact = to_micro(row["usdcSize"]), to_micro(Decimal(row["size"]) * Decimal(row["price"]))
    return paid if abs(paid - exact) <= 1 else exact


def trades_in(path: Path) -> list[dict[str, Any]]:
    """Return the captured rows that are trades, with every digit."""
    rows: list[dict[str, Any]] = json.loads(path.read_text(), parse_float=str)
    return [row for row in rows if row["type"] == "TRADE"]
