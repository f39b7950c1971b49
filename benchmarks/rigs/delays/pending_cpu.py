"""CPU of a pending transaction: what concerns nobody, and what concerns a leader and is proven; then memory at a rate.

`python -m benchmarks.detect_delay --cpu` reads frames as a node pushes them, in this one process, and takes the
processor's time for each: other transactions of the chain, matches of strangers, and matches of leaders of each wallet
type, decoded and proven, no order twice. Then memory is looked at while many more go through. The last line is JSON,
the exit code is 1 when a bound does not hold.
"""

import json
import os
import resource
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from redis import Redis
from rich.console import Console
from rich.table import Table

from detector.leaders.watchlist import Watchlist
from detector.sources.pending.match_proof import MatchProof
from detector.sources.pending.match_slots import MatchSlots
from detector.sources.pending.node_connection import NodeConnection, PendingSight
from detector.sources.pending.order_proof import OrderProofs
from detector.sources.pending.pending_matches import PendingMatchesSource
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.redis.client import connect_redis
from simulator import ManualClock as VenueClock
from simulator import Settings, World
from simulator.core.fill import Match, Order
from simulator.operator.keyring import KINDS
from simulator.scenario.generator import Generator

LEADERS = 5000
LONGEST_FOREIGN_US, LONGEST_PROVEN_MS, MOST_GROWTH_MB = 50.0, 5.0, 5.0
PER_S, LEADERS_PCT = 100, 2


class Anybody:
    """Everybody is an operator here: who is, is asked once and kept."""

    def is_operator(self, exchange: str, address: str) -> bool:
        """Say yes."""
        return bool(exchange and address)

    def next_nonce(self, address: str) -> int:
        """Say that nothing is mined."""
        del address
        return 0


def measure_pending_cpu(frames: int) -> bool:
    """Measure `frames` of each kind, print, judge."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder), fsync="off") as server:
        return _measured(frames, connect_redis(server.url))


def _measured(frames: int, redis: Redis) -> bool:
    world = _world()
    of_leaders = [_match(world, number, number % KINDS) for number in range(frames)]
    found = {
        "another transaction": _cost_us(world, redis, [_foreign(number) for number in range(frames)]),
        "a match of strangers": _cost_us(world, redis, [_match(world, number, None) for number in range(frames)]),
        "a leader's match, proven": _cost_us(world, redis, of_leaders),
    }
    mixed = (100 - LEADERS_PCT) * found["another transaction"] + LEADERS_PCT * found["a leader's match, proven"]
    grown_mb = _growth_mb(world, redis, frames)
    table = Table("a pending transaction", "CPU in microseconds", title=f"{LEADERS} leaders are followed")
    for name, cost in found.items():
        table.add_row(name, f"{cost:.1f}")
    table.add_row(f"{PER_S} a second, {LEADERS_PCT}% of leaders", f"{mixed * PER_S / 100:.0f} a second")
    Console(width=100).print(table)
    ok = {
        "what_concerns_no_leader_costs_under_50_us": max(list(found.values())[:2]) < LONGEST_FOREIGN_US,
        "a_proof_costs_under_5_ms": found["a leader's match, proven"] < 1000 * LONGEST_PROVEN_MS,
        "every_match_of_a_leader_is_proven": _all_proven(world, redis, of_leaders),
        "memory_is_flat": grown_mb < MOST_GROWTH_MB,
    }
    print(json.dumps({"cpu_us": found, "busy_share": mixed * PER_S / 1e8, "grown_mb": grown_mb, "ok": ok}))
    return all(ok.values())


def _world() -> World:
    world = World(Settings(leaders=KINDS, markets=4, fills_per_minute=0, pending_share=1.0), VenueClock())
    Generator(world).start()
    return world


class Prover:
    """Takes what a node showed and proves it, as the source's thread does; and is that node's connection."""

    def __init__(self, world: World, redis: Redis) -> None:
        leaders = [each.address for each in world.leaders] + [f"0x{number:040x}" for number in range(1, LEADERS)]
        self._clock, stop = ManualClock(world.now_ms()), threading.Event()
        proof = MatchProof(Anybody(), OrderProofs(_any_wallet), max_age_ms=2**40)
        self._source = PendingMatchesSource(
            {"node": lambda: self},
            Watchlist(leaders),
            proof,
            MatchSlots(redis),
            look=lambda: None,
            clock=self._clock,
            stop=stop,
            random=lambda: 0.5,
        )
        wanted = frozenset(bytes.fromhex(each[2:]) for each in leaders)
        self._node = NodeConnection(
            "node",
            lambda: self,
            self,
            lambda: wanted,
            clock=self._clock,
            stop=stop,
            random=lambda: 0.5,
            mute_s=1e9,
        )
        self.proven = 0
        self._frames: Iterator[str] = iter(())

    def cpu_s(self, frames: list[str]) -> float:
        """Return the processor's time for these frames, from their text to a batch."""
        self._frames = iter(frames)
        began = _cpu_s()
        self._node.turn()
        return _cpu_s() - began

    def put(self, sight: PendingSight) -> None:
        """Prove at once."""
        self.proven += self._source.take_sight(sight) is not None

    def send(self, text: str) -> None:
        """Take no notice of what is asked for."""

    def receive(self, timeout_s: float) -> str | None:
        """Return the next frame; the line ends with the last one."""
        del timeout_s
        frame = next(self._frames, None)
        if frame is None:
            raise Unavailable("that was all")
        return frame

    def close(self) -> None:
        """Do nothing: there is no line."""


def _any_wallet(wallet: str, signed_hash: bytes, signature: bytes) -> bool:
    return bool(wallet and signed_hash and signature)


def _cost_us(world: World, redis: Redis, frames: list[str]) -> float:
    """Return the processor's time for a frame; the best of three goes."""
    return round(min(Prover(world, redis).cpu_s(frames) for _ in range(3)) / len(frames) * 1e6, 1)


def _all_proven(world: World, redis: Redis, frames: list[str]) -> bool:
    prover = Prover(world, redis)
    prover.cpu_s(frames)
    return prover.proven == len(frames)


def _growth_mb(world: World, redis: Redis, count: int) -> float:
    """Return by how much memory grew over the second half of ten times as many frames, all alike but for numbers."""
    prover, frames = Prover(world, redis), [_foreign(number) for number in range(count)]
    for _ in range(5):
        prover.cpu_s(frames)
    before = _rss_mb()
    for _ in range(5):
        prover.cpu_s(frames)
    return round(_rss_mb() - before, 2)


def _foreign(number: int) -> str:
    """Return a frame of somebody else's transaction: a swap's calldata."""
    shown = {"hash": f"0x{number:064x}", "to": f"0x{number:040x}", "input": "0x38ed1739" + "0" * 1200, "nonce": "0x1"}
    return _frame({**shown, "gas": "0x5208", "value": "0x0", "type": "0x2", "chainId": "0x89", "from": "0x" + "1" * 40})


def _match(world: World, number: int, leader: int | None) -> str:
    market = world.catalog.markets[number % 4]
    wallet = f"0x{'5e' * 16}{number:08x}" if leader is None else world.leaders[leader].address
    shares, usdc = 10_000_000 + number, 5_000_000 + number
    own, others = Order(wallet, 0, "BUY", 2 * shares, 2 * usdc), Order("0x" + "6f" * 20, 0, "SELL", shares, usdc)
    made = world.operator.send(Match(market, own, (others, others), world.now_ms()), world.exchange(market), 0)
    return _frame(made.shown)


def _frame(shown: dict[str, Any]) -> str:
    return json.dumps(
        {"jsonrpc": "2.0", "method": "eth_subscription", "params": {"subscription": "0x1", "result": shown}}
    )


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20
