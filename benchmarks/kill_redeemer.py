"""Kill -9 the worker, the server and the node at every step of real redemptions; count what was paid.

A real EVM with the real ConditionalTokens (py-evm), a real Valkey server, the real watcher and worker as processes; one
transaction in three is stuck until it is replaced. Every victim dies once at every step, in a fixed order. Each
condition must be paid and booked exactly once, the total must be what the payout vectors owe, and the signer's nonces
must have no gap.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.rigs.kill_redeemer_worker import STEPS
from ops.supervisor.embedded_redis import EmbeddedRedis, free_port
from shared.clock import SystemClock
from shared.domain.errors import DependencyMissing
from shared.domain.ledger_accounts import CASH, Lot
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import REDEMPTIONS
from shared.messages.events import read_event
from shared.messages.redemptions import RedemptionAlarm, RedemptionResult
from shared.polymarket.wire.contracts import Contracts
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from simulator.command_line import HidingParser
from tests.redeemer.builders import a_lot, hold
from tests.redeemer.evm.evm_fixture import KEY, ONE, EvmFixture, Market
from tests.redeemer.evm.server import load, save

VECTORS = ((1, 0), (0, 1), (1, 1), (1, 3))
HELD = ((5 * ONE, 0), (3 * ONE, 4 * ONE), (2 * ONE, 3))
VICTIMS = ("server", "node", "worker")
STUCK = 3
PATIENCE_S = 60.0

Order = tuple[str, str]
"""Who dies, and at which step."""


@dataclass
class Stage:
    """Everything that runs; `kills` counts victims by step."""

    folder: Path
    server: EmbeddedRedis
    port: int
    environment: dict[str, str]
    node: subprocess.Popen[str] | None = None
    kills: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def start_node(self) -> None:
        """Start the node on the chain that it had."""
        words = ["tests.redeemer.evm.server", str(self.port), str(self.folder / "chain"), str(STUCK)]
        self.node = started(words, self.environment)
        if not next(lines(self.node), "").startswith("ready"):
            raise RuntimeError("the node did not start")


def main(argv: list[str] | None = None) -> int:
    """Run it; return 0 when every condition was paid and booked exactly once."""
    parser = HidingParser(prog="python -m benchmarks.kill_redeemer", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1, help="how often every victim dies at every step")
    parser.add_argument("--conditions", type=int, default=60, help="conditions to redeem meanwhile")
    asked = parser.parse_args(argv)
    clock = SystemClock()
    began = clock.monotonic()
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        server = stack.enter_context(EmbeddedRedis(folder / "redis"))
        evm = EvmFixture()
        evm.approve(evm.signer.address)
        nonce = evm.node.tester.get_nonce(evm.signer.address)
        owed = furnish(evm, server.url, asked.conditions)
        save(evm.node, folder / "chain")
        stage = Stage(folder, server, free_port(), {})
        stage.environment.update(environment(stage, evm.contracts))
        try:
            perform(stage, lives() * asked.rounds, stack)
            facts = judge(stage, evm, owed, nonce)
        finally:
            if stage.node:
                stage.node.kill()
    missed = [f"{name} {step}" for step in STEPS for name in VICTIMS if stage.kills[name, step] < asked.rounds]
    facts |= {"kills": stage.kills.total(), "missed": missed, "seconds": round(clock.monotonic() - began, 1)}
    report(stage, facts)
    return 0 if facts["ok"] and not missed else 1


def lives() -> list[tuple[Order, ...]]:
    """Return whom each worker kills where before it dies itself: over all lives every victim dies once at every step.

    Server and node die in the order that a redemption comes to their steps, so that one redemption will do; what needs
    a stuck transaction comes first, while there is enough to redeem.
    """
    places = range(len(STEPS))
    turns = [[(place + shift * len(STEPS) // 3) % len(STEPS) for shift in range(3)] for place in places]
    orders = [[*sorted(((server, "server"), (node, "node"))), (worker, "worker")] for server, node, worker in turns]
    made = [tuple((name, STEPS[place]) for place, name in life) for life in orders]
    return sorted(made, key=lambda life: not any("replace" in step for _, step in life))


def furnish(evm: EvmFixture, url: str, count: int) -> dict[str, int]:
    """Give our wallet positions of many resolved markets, book them as lots, and return what each owes."""
    owed: dict[str, int] = {}
    with connect_redis(url) as redis:
        ledger = RedisLedger(redis, "live")
        for place in range(count):
            market, held, vector = evm.market(neg_risk=place % 3 == 0), HELD[place % 3], VECTORS[place % 4]
            evm.give(market, evm.signer.address, *held)
            evm.resolve(market, *vector)
            hold(ledger, *lots_of(market, held), seed=market.condition_id)
            parts = zip(held, vector, strict=True)
            owed[market.condition_id] = sum(shares * part // sum(vector) for shares, part in parts)
    return owed


def lots_of(market: Market, held: tuple[int, int]) -> list[Lot]:
    """Return the lots of what is held."""
    return [
        a_lot(token_id=token, condition_id=market.condition_id, outcome_index=place, shares=shares, cost=0)
        for place, (token, shares) in enumerate(zip(market.tokens, held, strict=True))
        if shares
    ]


def environment(stage: Stage, contracts: Contracts) -> dict[str, str]:
    """Return what watcher and worker are told."""
    key = stage.folder / "key"
    key.touch(mode=0o600)
    key.write_text(KEY, encoding="utf-8")
    nowhere = f"http://127.0.0.1:{free_port()}"
    table = ",".join(f"{name}={value}" for name, value in vars(contracts).items())
    told = {
        "PYTHONPATH": str(Path.cwd()),
        "LIVE": "true",
        "DRY_RUN": "false",
        "WALLET_TYPE": "eoa",
        "CONTRACTS": table,
        "PRIVATE_KEY_FILE": str(key),
        "REDIS_URL": stage.server.url,
        "RPC_URL": f"http://127.0.0.1:{stage.port}",
        "DATA_API_URL": nowhere,
        "RPC_RATE_PER_S": "1000",
        "SCAN_EVERY_S": "2",
        "LOOK_EVERY_S": "0.05",
        "CONFIRMATIONS": "3",
        "STUCK_AFTER_S": "1",
        "SIGNER_LEASE_S": "0.5",
        "RETRY_AFTER_S": "0,1,1",
        "AGAIN_AFTER_S": "1",
        "MIN_REDEEM_USDC": "0",
        "POL_PRICE_USDC": "0",
        "LOG_LEVEL": "error",
        "RUN_DIR": str(stage.folder / "run"),
    }
    return {**os.environ, **told}


def perform(stage: Stage, plan: list[tuple[Order, ...]], stack: ExitStack) -> None:
    """Kill as planned while work is done, then let it be finished in peace."""
    stage.start_node()
    watcher = started(["redeemer"], stage.environment)
    stack.callback(ended, watcher)
    for life in plan:
        live_and_die(stage, life)
    worker = started(["benchmarks.rigs.kill_redeemer_worker"], stage.environment)
    stack.callback(ended, worker)
    wait_until_paid(stage)


def live_and_die(stage: Stage, life: tuple[Order, ...]) -> None:
    """Run one worker that kills the server, the node and at last itself."""
    if stage.node is None:
        raise RuntimeError("there is no node")
    pids = {"server": stage.server.pid or 0, "node": stage.node.pid, "worker": 0}
    orders = [f"{pids[name]}:{name}:{step}" for name, step in life]
    worker = started(["benchmarks.rigs.kill_redeemer_worker", *orders], stage.environment)
    guard = threading.Timer(PATIENCE_S, worker.kill)
    guard.start()
    for (name, step), _ in zip(life, lines(worker), strict=False):
        stage.kills[name, step] += 1
        if name == "server":
            revive(stage.server)
        elif name == "node":
            stage.node.wait()
            stage.start_node()
    worker.wait()
    guard.cancel()


def revive(server: EmbeddedRedis) -> None:
    """Start the killed server again; somebody's outgoing connection may sit on its port for a moment."""
    for _ in range(20):
        try:
            server.restart()
        except DependencyMissing:
            SystemClock().wait(threading.Event(), 0.5)
        else:
            return
    raise DependencyMissing(f"the port of {server.url} stays taken")


def wait_until_paid(stage: Stage) -> None:
    """Wait until no lot is left and nothing is under way."""
    clock, never = SystemClock(), threading.Event()
    deadline = clock.monotonic() + PATIENCE_S
    with connect_redis(stage.server.url) as redis:
        ledger = RedisLedger(redis, "live")
        while (open_lots(ledger) or ledger.records("sendings")) and clock.monotonic() < deadline:
            clock.wait(never, 0.2)


def judge(stage: Stage, evm: EvmFixture, owed: dict[str, int], nonce: int) -> dict[str, object]:
    """Compare the chain, the ledger and the events with what was owed."""
    with connect_redis(stage.server.url) as redis:
        ledger = RedisLedger(redis, "live")
        events = [read_event(entry.json) for entry in stream_tail(redis, REDEMPTIONS, 10_000)]
        cash, left = ledger.read((CASH,)).values[CASH], len(open_lots(ledger)) + len(ledger.records("sendings"))
    results = [event for event in events if isinstance(event, RedemptionResult)]
    evm.node = load(stage.folder / "chain")
    evm.node.mine(3)
    booked = Counter(event.condition_id for event in results)
    paid = {event.condition_id: event.paid for event in results}
    sent = {event.transaction for event in results if event.transaction}
    wallet = evm.signer.address
    facts: dict[str, object] = {
        "conditions": len(owed),
        "booked_once": sum(count == 1 for count in booked.values()),
        "booked_twice": sum(count > 1 for count in booked.values()),
        "left": left,
        "alarms": sum(isinstance(event, RedemptionAlarm) for event in events),
        "owed": sum(owed.values()),
        "paid_on_chain": evm.balance(evm.contracts.pusd, wallet),
        "cash_booked": cash,
        "transactions": len(sent),
        "nonces_used": evm.node.tester.get_nonce(wallet) - nonce,
    }
    exact = paid == owed and facts["paid_on_chain"] == facts["cash_booked"] == facts["owed"]
    whole = facts["booked_once"] == facts["conditions"] and not (left or facts["alarms"])
    return {**facts, "ok": exact and whole and facts["nonces_used"] == facts["transactions"]}


def report(stage: Stage, facts: dict[str, object]) -> None:
    """Print the table of faults, the facts, and the last line as JSON."""
    print(f"{'step':<36}" + "".join(f"{name:>8}" for name in VICTIMS))
    for step in STEPS:
        print(f"{step:<36}" + "".join(f"{stage.kills[name, step]:>8}" for name in VICTIMS))
    totals = [sum(count for (who, _), count in stage.kills.items() if who == name) for name in VICTIMS]
    print(f"{'all':<36}" + "".join(f"{total:>8}" for total in totals))
    for name, value in facts.items():
        print(f"{name:<36}{value!s:>16}")
    print(json.dumps({"benchmark": "kill_redeemer", **facts}))


def started(words: list[str], given: dict[str, str]) -> subprocess.Popen[str]:
    """Start one of our modules."""
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", *words],
        env=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """Return what a process says, line by line."""
    return iter(process.stdout or ())


def ended(process: subprocess.Popen[str]) -> None:
    """End a process that we started."""
    process.kill()
    process.wait()


if __name__ == "__main__":
    sys.exit(main())
