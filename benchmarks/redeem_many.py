"""The wait for payouts of many winners that resolve at once: the real watcher and worker against anvil.

One wallet holds positions of many markets; a block is made every two seconds, as on Polygon. All resolve in as few
blocks as they fit in, and from the moment the last of them can be seen on chain it is measured when each transaction
entered the node's pool, and when everything was proved and booked. Needs anvil (`tests/redeemer/evm/anvil.py`).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.kill_redeemer import ended
from ops.supervisor.embedded_redis import EmbeddedRedis, free_port
from shared.clock import SystemClock
from shared.domain.errors import DependencyMissing
from shared.domain.money import Usdc
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import REDEMPTIONS, Event
from shared.messages.events import read_event
from shared.messages.redemptions import RedemptionAlarm, RedemptionResult
from shared.polymarket.wire import abi
from shared.rate_limit.gate import read_gates
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from simulator.command_line import HidingParser
from tests.redeemer.builders import a_lot, hold
from tests.redeemer.evm.anvil import AnvilNode, anvil, running
from tests.redeemer.evm.evm_fixture import KEY, ONE, EvmFixture, Market, selector

BLOCK_S = 2
PATIENCE_S = 600.0


@dataclass
class Pool:
    """When each of the signer's transactions entered the node's pool, in seconds of the monotonic clock."""

    seen_at: list[float] = field(default_factory=list[float])

    def watch(self, port: int, signer: str, stop: threading.Event) -> None:
        """Look until `stop`, on a connection of our own."""
        node, clock = AnvilNode(port), SystemClock()
        first = int(node.ask("eth_getTransactionCount", signer, "pending"), 16)
        while not clock.wait(stop, 0.02):
            count = int(node.ask("eth_getTransactionCount", signer, "pending"), 16) - first
            self.seen_at += [clock.monotonic()] * (count - len(self.seen_at))
        node.close()


def main(argv: list[str] | None = None) -> int:
    """Run it; return 0 when everything was paid, and the first transaction left within one scan."""
    parser = HidingParser(prog="python -m benchmarks.redeem_many", description=__doc__)
    parser.add_argument("--conditions", type=int, default=500, help="conditions that resolve at once")
    parser.add_argument("--wallet-type", choices=("safe", "eoa"), default="safe", help="who holds them")
    parser.add_argument("--scan-every-s", type=float, default=15.0, help="as the setting")
    parser.add_argument("--rpc-rate-per-s", type=float, default=5.0, help="as the setting")
    asked = parser.parse_args(argv)
    if not anvil():
        raise DependencyMissing("this needs anvil: npm install @foundry-rs/anvil, and ANVIL=its binary")
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, port = Path(name), free_port()
        server = stack.enter_context(EmbeddedRedis(folder / "redis"))
        node = stack.enter_context(running(port))
        evm = EvmFixture(node)
        wallet = evm.safe if asked.wallet_type == "safe" else evm.signer.address
        evm.approve(wallet)
        markets = furnish(evm, wallet, server.url, asked.conditions)
        told = environment(evm, folder, server.url, port, asked)
        for module in ("redeemer", "redeemer.worker"):
            stack.callback(ended, quietly(module, told))
        facts = measure(evm, node, wallet, markets, server.url, port, asked.scan_every_s)
        with connect_redis(server.url) as redis:
            granted = sum(gate.granted for gate in read_gates(redis) if gate.name == "rpc")
    facts |= {"wallet": asked.wallet_type, "rpc_per_s": asked.rpc_rate_per_s, "rpc_requests": granted}
    for fact, value in facts.items():
        print(f"{fact:<36}{value!s:>16}")
    print(json.dumps({"benchmark": "redeem_many", **facts}))
    return 0 if facts["ok"] else 1


def quietly(module: str, given: dict[str, str]) -> subprocess.Popen[str]:
    """Start one of our services; what it prints is nobody's, and a pipe that nobody reads would stop it."""
    words = [sys.executable, "-W", "ignore", "-m", module]
    return subprocess.Popen(words, env=given, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)


def furnish(evm: EvmFixture, wallet: str, url: str, count: int) -> list[Market]:
    """Give the wallet a position of each of many markets, half of them neg-risk, and book it as a lot."""
    markets = [evm.market(neg_risk=bool(place % 2)) for place in range(count)]
    with connect_redis(url) as redis:
        ledger = RedisLedger(redis, "live")
        for market in markets:
            evm.give(market, wallet, ONE)
            lot = a_lot(token_id=market.tokens[0], condition_id=market.condition_id, shares=ONE, cost=ONE // 2)
            hold(ledger, lot, seed=market.condition_id)
    return markets


def environment(evm: EvmFixture, folder: Path, url: str, port: int, asked: argparse.Namespace) -> dict[str, str]:
    """Return what watcher and worker are told; all else is as it comes."""
    key = folder / "key"
    key.touch(mode=0o600)
    key.write_text(KEY, encoding="utf-8")
    wallet = {"WALLET": evm.safe} if asked.wallet_type == "safe" else {}
    told = {
        "PYTHONPATH": str(Path.cwd()),
        "LIVE": "true",
        "DRY_RUN": "false",
        "WALLET_TYPE": asked.wallet_type,
        "CONTRACTS": ",".join(f"{name}={value}" for name, value in vars(evm.contracts).items()),
        "PRIVATE_KEY_FILE": str(key),
        "REDIS_URL": url,
        "RPC_URL": f"http://127.0.0.1:{port}",
        "DATA_API_URL": f"http://127.0.0.1:{free_port()}",
        "RPC_RATE_PER_S": str(asked.rpc_rate_per_s),
        "SCAN_EVERY_S": str(asked.scan_every_s),
        "LOG_LEVEL": "error",
        "RUN_DIR": str(folder / "run"),
    }
    return {**os.environ, **wallet, **told}


def measure(
    evm: EvmFixture, node: AnvilNode, wallet: str, markets: list[Market], url: str, port: int, scan_every_s: float
) -> dict[str, object]:
    """Resolve everything at once, and watch until it is booked."""
    clock, stop, never = SystemClock(), threading.Event(), threading.Event()
    pool = Pool()
    watching = threading.Thread(target=pool.watch, args=(port, evm.signer.address, stop))
    watching.start()
    before = evm.balance(evm.contracts.pusd, wallet)
    clock.wait(never, 3 * scan_every_s / 2)
    resolve(evm, node, markets)
    visible = clock.monotonic()
    with connect_redis(url) as redis:
        events: list[Event] = []
        results: list[RedemptionResult] = []
        while len(results) < len(markets) and clock.monotonic() < visible + PATIENCE_S:
            clock.wait(never, 0.5)
            events = [read_event(entry.json) for entry in stream_tail(redis, REDEMPTIONS, 10_000)]
            results = [event for event in events if isinstance(event, RedemptionResult)]
        booked = clock.monotonic() - visible
        alarms = sum(isinstance(event, RedemptionAlarm) for event in events)
        left = len(RedisLedger(redis, "live").records("sendings"))
    stop.set()
    watching.join()
    sent = sorted({event.transaction for event in results})
    after = [moment - visible for moment in pool.seen_at]
    came = sum((event.paid for event in results), Usdc(0))
    paid = evm.balance(evm.contracts.pusd, wallet) - before
    used = [int(node.ask("eth_getTransactionReceipt", each)["gasUsed"], 16) for each in sent]
    whole = len(markets) == len(results) == len({event.condition_id for event in results})
    return {
        "conditions": len(markets),
        "booked_once": len(results),
        "alarms": alarms,
        "transactions": len(sent),
        "most_gas": max(used),
        "first_sent_after_s": round(after[0], 1),
        "last_sent_after_s": round(after[-1], 1),
        "all_booked_after_s": round(booked, 1),
        "paid": paid / ONE,
        "ok": whole and came == paid == len(markets) * ONE and not alarms + left and after[0] <= scan_every_s,
    }


def resolve(evm: EvmFixture, node: AnvilNode, markets: list[Market]) -> None:
    """Report all payouts into the pool, let blocks take them, and wait until the last can be seen."""
    ctf, clock = evm.contracts.conditional_tokens, SystemClock()
    report, denominator = selector("reportPayouts(bytes32,uint256[])"), selector("payoutDenominator(bytes32)")
    node.mines_at_once(on=False)
    for market in markets:
        data = abi.encoded_call(report, market.question, [1, 0])
        node.tester.send_transaction({"from": evm.bank, "to": ctf, "data": data, "gas": 200_000})
    node.ask("evm_setIntervalMining", BLOCK_S)
    asked = [{"to": ctf, "data": abi.encoded_call(denominator, market.condition_id)} for market in markets]
    while not all(int(node.eth_call(each, "latest"), 16) for each in asked):
        clock.wait(threading.Event(), 0.05)


if __name__ == "__main__":
    sys.exit(main())
