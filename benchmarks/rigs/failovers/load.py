"""A detector and a live buyer at work on a server that fails over, the venue's own record beside them."""

import contextlib
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.rigs.failovers.cluster import ClusterServers
from benchmarks.rigs.failovers.nodes import wait_for
from benchmarks.rigs.failovers.sentinels import SentinelServers
from benchmarks.rigs.order_rig import CLOCK, NEVER, Trading
from ops.demo.demo import DemoWorld, read_all, settle, simulator
from shared.domain.errors import HybridError
from shared.messages.base import DECISIONS, SERVICE, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.service import ServerWentBack
from shared.messages.signals import ActionableSignal
from shared.process.shutdown_signals import DIE_WITH_PARENT
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail

QUICK = {"HEARTBEAT_S": "0.5", "PROGRESS_EVERY_S": "1", "LOG_FORMAT": "json", "BUYER_SHARDS": "1"}
UNBROKEN = {f"BREAKER_{what}": "0" for what in ("REJECTIONS", "LOSSES", "FALL_USDC")}
LOOSE = {"MAX_SLIPPAGE_TICKS": "50", "MAX_SLIPPAGE_PCT": "90", "STAKE_USDC": "5", "MAX_SIGNAL_AGE_S": "60", **UNBROKEN}
"""So that much is bought, and a loss pauses nothing: the more orders, the more can go wrong."""
ANSWERED = frozenset({"CANCELLED", "REJECTED"})


@dataclass
class Load:
    """The programs, and what can be asked of them."""

    crowd: DemoWorld
    trading: Trading
    servers: SentinelServers | ClusterServers
    folder: Path
    settings: Mapping[str, str]
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list[subprocess.Popen[bytes]])

    def start(self) -> None:
        """Start both, and wait until each has said that it lives."""
        environment = {**os.environ, **self.crowd.environment, **self.trading.environment, **QUICK, **LOOSE}
        environment |= {"TRACKED_WALLETS": ",".join(self.crowd.leaders), "RUN_DIR": str(self.folder)}
        environment |= {DIE_WITH_PARENT: str(os.getpid()), "REDIS_URL": self.servers.url, **self.settings}
        environment.pop("PENDING_URLS", None)
        for name in ("detector", "buyer"):
            with (self.folder / f"{name}.log").open("wb") as log:
                words = [sys.executable, "-m", name]
                self.programs.append(subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=log))
        self.wait_for_beats("0-0")

    def stop(self) -> None:
        """End both."""
        for program in self.programs:
            program.terminate()
        for program in self.programs:
            with contextlib.suppress(subprocess.TimeoutExpired):
                program.wait(15)
            program.kill()

    def wait_for_beats(self, after: str) -> None:
        """Wait until detector and buyer have each said, after an entry of the service's stream, that they live."""

        def both() -> bool:
            with contextlib.suppress(HybridError), connect_redis(self.servers.url) as redis:
                entries = [entry for entry in stream_tail(redis, SERVICE, 40) if _place(entry.id) > _place(after)]
                said = " ".join(entry.json for entry in entries if entry.event == "SERVICE_HEALTH")
                return all(f'"service":"{name}"' in said for name in ("detector", "buyer"))
            return False

        wait_for(both, f"detector and buyer are not back: see {self.folder}", 90)

    def judged(self, seconds: float) -> dict[str, Any]:
        """Let the crowd rest, wait for what is due, and compare with the venue's own record."""
        return judge_load(self.crowd, self.trading, self.servers.url, seconds)


def judge_load(crowd: DemoWorld, trading: Trading, url: str, seconds: float) -> dict[str, Any]:
    """Let the crowd rest, wait for what is due, and compare what stands on a server with the venue's own record."""
    crowd.freeze()
    with connect_redis(url) as redis:
        verdict = settle(crowd, redis, CLOCK, seconds)
        signals = read_all(redis, SIGNALS, ActionableSignal)
        decisions = read_all(redis, DECISIONS, BuyEngineDecision)
        losses = read_all(redis, SERVICE, ServerWentBack)
    orders = trading.get("/orders", {"limit": 1_000_000})["orders"]
    bought = Counter(order["metadata"].removeprefix("0x") for order in orders if order["trades"])
    decided = Counter(decision.signal_id for decision in decisions)
    sent = {one.signal_id for one in decisions if one.outcome and one.outcome.state not in ANSWERED}
    return {
        "fills": verdict.fills,
        "fills_missed": verdict.missed,
        "fills_doubled": verdict.duplicated + verdict.wrong,
        "orders": len(orders),
        "orders_doubled": sum(count > 1 for count in bought.values()),
        "orders_unexplained": len(bought.keys() - sent),
        "undecided": sum(not decided[signal.id] for signal in signals),
        "decided_twice": sum(count > 1 for count in decided.values()),
        "resent_posts": sum(int(order["posts"]) - 1 for order in orders),
        "losses_said": len(losses),
        "told_again": sum(loss.told_again for loss in losses),
        "steps_lost": sum(loss.steps for loss in losses),
    }


@contextlib.contextmanager
def loaded(
    folder: Path, servers: SentinelServers | ClusterServers, settings: Mapping[str, str], seed: int
) -> Generator[Load]:
    """Run a crowd of leaders, a venue and both programs while the block runs."""
    words = ("--leaders", "6", "--speed", "4", "--fills-per-minute", "60", "--no-limits", "--seed", str(seed))
    with simulator(CLOCK, *words, "--resolve-after", "86400") as crowd:
        trading = Trading(crowd.urls, servers, folder)  # pyright: ignore[reportArgumentType] - its URL is all that is asked for
        trading.prepare()
        load = Load(crowd, trading, servers, folder, settings)
        try:
            load.start()
            yield load
        finally:
            load.stop()


def rest(seconds: float) -> None:
    """Wait."""
    CLOCK.wait(NEVER, seconds)


def _place(entry_id: str) -> tuple[int, ...]:
    return tuple(int(part) for part in entry_id.split("-"))
