"""Kill a live buyer with -9 at every step of an order's life, and the server in between; the venue's record judges.

Each life gets a few signals (buys, and sells of the same leaders), a fault of the venue now and then, and dies. After
the last one a buyer finishes what is left. Then: one terminal decision for each signal; one order at the venue where
one was decided and none where not; never two for one fact; cash, shares and exposure equal to the venue's own.

    python -m benchmarks.kill_buyer [--kills 300] [--seed 1]
    python -m benchmarks.kill_buyer --backwards 30   # the server put back instead, to a copy of 1 to 5 s ago
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from benchmarks.rigs.kills import kill_steps
from benchmarks.rigs.kills.kill_backwards import Backwards
from benchmarks.rigs.order_rig import CLOCK, NEVER, Trading, trading
from buyer.domain.token_shard import LIVE_GROUP as GROUP
from shared.domain.errors import Unavailable
from shared.domain.ledger_accounts import CASH
from shared.domain.record_kinds import EXITS, INTENTS, ORDERS, SIGNED
from shared.ledger.port import open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event, write_event
from shared.redis.streams import group_backlog, stream_tail
from simulator.command_line import HidingParser

LEADERS = tuple("0x" + digit * 40 for digit in "abc")
LONGEST_LIFE_S = 10.0
SERVER = "server killed"
FAULTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lost_answer", {"seconds": 0.2}),
    ("lost_request", {"seconds": 0.2}),
    ("http_5xx", {"status": 500}),
    ("http_429", {"retry_after": 1}),
    ("engine", {"mode": "restarting"}),
    ("delayed", {"seconds": 3}),
    ("settlement_failed", {}),
    ("settlement_retry", {"seconds": 5}),
    ("truncated", {}),
)
"""What the venue does wrong with the next order."""


@dataclass
class Run:
    """What was done to the buyer, and what it was told."""

    world: Trading
    dice: random.Random
    signals: dict[str, str] = field(default_factory=dict[str, str])
    deaths: Counter[str] = field(default_factory=Counter[str])
    faults: Counter[str] = field(default_factory=Counter[str])

    def tell(self, count: int, buys: int) -> None:
        """Append signals: `buys` that surely become orders, then mostly buys, some sells of what the leader holds."""
        for number in range(count):
            sells = number >= buys and self.dice.random() < 0.2
            leader, side = self.dice.choice(LEADERS), "SELL" if sells else "BUY"
            token = self.dice.choice((self.world.token, self.world.other, self.world.tokens[1]))
            event = self.world.signal(len(self.signals), token, run="kill", side=side, leader=leader)
            self.world.redis.xadd(SIGNALS, {"event": event.event, "json": write_event(event)})
            self.signals[event.id] = side

    def spoil(self) -> None:
        """Let the venue do something wrong with the next order."""
        kind, params = self.dice.choice(FAULTS)
        route = {} if kind.startswith("settlement") or kind == "delayed" else {"route": "/order"}
        self.world.post("/faults", {"kind": kind, "upstream": "clob", "count": 1, "params": params, **route})
        self.faults[kind] += 1

    def live(self, step: str) -> None:
        """Tell some signals, and let a buyer live until it dies at `step`, or its time is over."""
        several = kill_steps.needs_several(step)
        often = (1,) if several or kill_steps.recovers(step) else (1, 1, 2, 3)
        nth, moment_s = self.dice.choice(often), self.dice.uniform(0.02, 1.5)
        self.tell(max(nth, 4 if several else self.dice.choice((1, 2, 3))), 4 if several else nth)
        child = _fork(self.world.environment, step if step != SERVER else "", nth, moment_s)
        if step == SERVER:
            CLOCK.wait(NEVER, moment_s)
            self.world.server.kill()
            self.world.server.restart()
            CLOCK.wait(NEVER, self.dice.uniform(0.2, 1.0))
        died = _ended(child, LONGEST_LIFE_S if step != SERVER else 0.0)
        self.deaths[step if died or step == SERVER else f"{step} (never came to it, killed anyway)"] += 1

    def finish(self) -> None:
        """Let a last buyer finish what is left, then stop it as an operator does."""
        child = _fork(self.world.environment, "", 0, 0)
        until = CLOCK.monotonic() + 120
        while CLOCK.monotonic() < until and not self._at_rest():
            CLOCK.wait(NEVER, 0.5)
        os.kill(child, signal.SIGTERM)
        _ended(child, 15)

    def _at_rest(self) -> bool:
        with contextlib.suppress(Unavailable):
            ledger = RedisLedger(self.world.redis, "live")
            open_records = any(ledger.records(kind) for kind in (INTENTS, SIGNED, ORDERS, EXITS))
            return not open_records and group_backlog(self.world.redis, SIGNALS, GROUP) == (0, 0)
        return False


def judge(run: Run) -> dict[str, Any]:
    """Compare with the venue's own record; every list in the answer names what does not hold."""
    orders = run.world.get("/orders", {"limit": 1_000_000})["orders"]
    (account,) = run.world.get("/accounts")["accounts"]
    decisions = _decisions(run.world)
    by_fact = Counter(order["metadata"].removeprefix("0x") for order in orders)
    bought = Counter(order["metadata"].removeprefix("0x") for order in orders if order["trades"])
    terminal = Counter(decision.signal_id for decision in decisions)
    sent = {one.signal_id for one in decisions if one.outcome and one.outcome.state not in {"CANCELLED", "REJECTED"}}
    ledger = RedisLedger(run.world.redis, "live")
    values, shares = ledger.accounts().values, Counter[str]()
    for lot in open_lots(ledger):
        shares[lot.token_id] += lot.shares
    return {
        "orders_at_venue": len(orders),
        "resent_posts": sum(int(order["posts"]) - 1 for order in orders),
        "bought_twice": [fact for fact, count in bought.items() if count > 1],
        "without_decision": [one for one in run.signals if terminal[one] == 0],
        "decided_twice": [one for one, count in terminal.items() if count > 1],
        "decided_not_ordered": sorted(sent - by_fact.keys()),
        "ordered_not_decided": sorted(_real(orders) - sent),
        "cash_off_by_micro": values.get(CASH, 0) - int(account["cash_micro"]),
        "shares_off": {t: (shares[t], int(n)) for t, n in account["shares_micro"].items() if shares[t] != int(n)},
        "exposure_off_by_micro": values.get("total", 0) - sum(lot.cost for lot in open_lots(ledger)),
        "left_open": {kind: len(ledger.records(kind)) for kind in (INTENTS, SIGNED, ORDERS, EXITS)},
    }


def _real(orders: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return the facts whose order matched; one that the venue killed without a match was never taken."""
    return {str(order["metadata"]).removeprefix("0x") for order in orders if order["trades"]}


def _decisions(world: Trading) -> list[BuyEngineDecision]:
    events = (read_event(entry.json) for entry in stream_tail(world.redis, DECISIONS, 1_000_000))
    return [event for event in events if isinstance(event, BuyEngineDecision)]


def _fork(environment: Mapping[str, str], step: str, nth: int, moment_s: float) -> int:
    """Start a buyer in a process of its own; forked, so that 300 lives take minutes."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        log = os.open(os.environ.get("KILL_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 2)
        kill_steps.run(environment, step, nth, moment_s)
        code = 0
    finally:
        os._exit(code)


def _ended(child: int, seconds: float) -> bool:
    """Wait for a child; one that lives on is killed. Say whether it ended by itself."""
    until = CLOCK.monotonic() + seconds
    while CLOCK.monotonic() < until:
        if os.waitpid(child, os.WNOHANG)[0]:
            return True
        CLOCK.wait(NEVER, 0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main(argv: Sequence[str] | None = None) -> int:
    """Kill, judge, print; 1 when something does not hold."""
    asked = _parser().parse_args(argv)
    if asked.backwards:
        return go_backwards(asked)
    steps = (*kill_steps.STEPS, kill_steps.ANY_TIME, kill_steps.ANY_TIME, SERVER, SERVER)
    with trading("--speed", "20") as world:
        run = Run(world, random.Random(asked.seed))
        for number in range(asked.kills):
            if run.dice.random() < 0.4:
                run.spoil()
            run.live(steps[number % len(steps)])
        run.finish()
        found = judge(run)
    return report(run, found, asked)


def go_backwards(asked: argparse.Namespace) -> int:
    """Put the server back again and again, judge, print; 1 when something does not hold."""
    with (
        trading("--speed", "20") as world,
        tempfile.NamedTemporaryFile(suffix=".log", delete=not asked.keep_log) as log,
    ):
        os.environ["KILL_LOG"] = log.name
        if asked.keep_log:
            print(f"the buyers' log: {log.name}")
        run = Run(world, random.Random(asked.seed))
        back = Backwards(world, run.dice, run.signals)
        for _ in range(asked.backwards):
            back.go(lambda: _fork(world.environment, "", 0, 0))
        back.end(lambda child: _ended(child, 0))
        run.finish()
        said = Path(log.name).read_text(encoding="utf-8").count('"server_went_back"')
        found = {**judge(run), **back.judged(said)}
    asked.kills = asked.backwards
    return report(run, found, asked)


def report(run: Run, found: dict[str, Any], asked: argparse.Namespace) -> int:
    """Print the tables, and one JSON object as the last line."""
    print(f"{asked.kills} deaths over {len(run.signals)} signals, seed {asked.seed}\n")
    for title, counts in (("died", run.deaths), ("the venue's faults", run.faults)):
        print(title)
        for name, count in sorted(counts.items()):
            print(f"  {name:<60}{count:>5}")
    wrong = [name for name, value in found.items() if name not in _COUNTS and _fails(value)]
    print("\njudged by the venue")
    for name, value in found.items():
        print(f"  {name:<26}{_shown(value)}")
    counts = {"deaths": dict(run.deaths), "faults": dict(run.faults), "signals": len(run.signals)}
    print(
        json.dumps(
            {"benchmark": "kill_buyer", "kills": asked.kills, **counts, **found, "holds": not wrong}, default=str
        )
    )
    return 1 if wrong else 0


_COUNTS = frozenset({"orders_at_venue", "resent_posts", "put_back", "steps_lost", "told_again", "losses_said"})


def _fails(value: object) -> bool:
    """Say whether a finding is one: a list or a table with something in it, a difference."""
    return any(cast("dict[str, object]", value).values()) if isinstance(value, dict) else bool(value)


def _shown(value: object) -> object:
    return len(cast("list[object]", value)) if isinstance(value, list) else value


def _parser() -> argparse.ArgumentParser:
    parser = HidingParser(prog="python -m benchmarks.kill_buyer", description=__doc__)
    parser.add_argument("--kills", type=int, default=306, help="lives that end with -9")
    parser.add_argument("--backwards", type=int, default=0, help="times that the server is put back; no deaths then")
    parser.add_argument("--keep-log", action="store_true", help="keep what the buyers logged, and say where")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same deaths and faults")
    return parser


if __name__ == "__main__":
    sys.exit(main())
