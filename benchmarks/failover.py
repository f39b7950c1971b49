"""Kill the primary again and again under a detector and a live buyer that find it by sentinels; the venue judges.

Three sentinels, a primary and two replicas on loopback. Each fail-over: the primary dies with -9 under load, the
sentinels elect another, the old one comes back as it was. One more: a replica that is 3 s behind is all that is left
to elect. At the end every fill of the venue's record has one signal, every signal one decision, and no fact two orders.

    python -m benchmarks.failover [--kills 20] [--durability local] [--server redis-server]
    python -m benchmarks.failover --cluster   # three shards with a replica each; the one with our slot dies
    python -m benchmarks.failover --cluster --kills 0 --moves 5   # our slot is migrated to another shard, key by key
"""

import argparse
import contextlib
import json
import random
import signal
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.rigs.failovers.cluster import ClusterServers
from benchmarks.rigs.failovers.load import Load, loaded, rest
from benchmarks.rigs.failovers.nodes import Node, debian_server, wait_for
from benchmarks.rigs.failovers.sentinels import SentinelServers
from benchmarks.rigs.order_rig import CLOCK, a_signal
from ops.supervisor.embedded_redis import free_port, server_binary
from shared.messages.base import SERVICE
from shared.redis.client import Durability, connect_redis
from shared.redis.streams import publish_once, stream_tail
from simulator.command_line import HidingParser

BEHIND_S = 3.0
WRITES = 500
SETTLES_S = 240.0
KEY_EVERY_S = 0.1
"""How long a key waits for its turn while a slot is migrated: the programs go on between two of them."""
ZEROS = ("fills_missed", "fills_doubled", "orders_doubled", "orders_unexplained", "undecided", "decided_twice")


def fail_over(load: Load, old: Node) -> dict[str, float]:
    """Kill the primary; return how long the sentinels took, and how long after them the programs were back."""
    servers = load.servers
    with servers.direct(old) as redis:
        last = stream_tail(redis, SERVICE, 1)[-1].id
    died = CLOCK.monotonic()
    old.send(signal.SIGKILL)
    wait_for(lambda: servers.primary() is not old, "no other was elected")
    elected = CLOCK.monotonic()
    with servers.direct(servers.primary()) as redis:
        found = stream_tail(redis, SERVICE, 1)[-1].id
    load.wait_for_beats(min(last, found, key=lambda entry: tuple(map(int, entry.split("-")))))
    return {"elected_s": elected - died, "back_s": CLOCK.monotonic() - elected}


def hold_behind(load: Load, servers: SentinelServers) -> dict[str, float]:
    """Kill one replica, keep the other from what is written for a while, then fail over to that one."""
    primary = servers.primary()
    gone, behind = (node for node in servers.servers if node is not primary)
    gone.send(signal.SIGKILL)
    with servers.direct(behind) as redis:
        redis.execute_command("REPLICAOF", "127.0.0.1", free_port())
    rest(BEHIND_S)
    took = fail_over(load, primary)
    for node in (gone, primary):
        node.start()
    servers.wait_until_whole()
    return took


def move(load: Load, servers: ClusterServers) -> dict[str, float]:
    """Migrate our slot to another shard, a key every so often; return how long it took, and until both were back."""
    target, began = servers.others()[0], CLOCK.monotonic()
    with servers.direct(servers.primary()) as redis:
        last = stream_tail(redis, SERVICE, 1)[-1].id
    servers.move_slot(target, lambda _: rest(KEY_EVERY_S))
    moved = CLOCK.monotonic()
    load.wait_for_beats(last)
    return {"moved_s": moved - began, "back_after_s": CLOCK.monotonic() - moved}


def price(servers: SentinelServers | ClusterServers) -> dict[str, float]:
    """Return the median of a signal's write in ms, by what it waits for; on servers at rest."""
    found: dict[str, float] = {}
    durabilities: tuple[Durability, ...] = ("local", "replicated")
    for durability in durabilities:
        redis, took = connect_redis(servers.url, durability=durability), list[float]()
        for number in range(WRITES):
            event, began = a_signal(number, "1", run=durability), CLOCK.monotonic()
            publish_once(redis, "hs:price", event, fact=f"price:{event.id}", age=number)
            took.append((CLOCK.monotonic() - began) * 1000)
        found[f"write_{durability}_ms"] = round(statistics.median(took), 3)
        redis.delete(*(f"hs:price{part}" for part in ("", ":facts", ":ages", ":horizons")))
    return found


def run(asked: argparse.Namespace, binary: Path) -> dict[str, Any]:
    """Fail over as often as asked, judge."""
    with tempfile.TemporaryDirectory() if asked.folder is None else contextlib.nullcontext(asked.folder) as name:
        folder = Path(name)
        (folder / "servers").mkdir(parents=True)
        kind = ClusterServers(folder / "servers", binary, replicas=True) if asked.cluster else None
        with kind or SentinelServers(folder / "servers", binary) as servers:
            costs = price(servers)
            with loaded(folder, servers, {"DURABILITY": asked.durability}, asked.seed) as load:
                return {
                    "kills": asked.kills,
                    "behind": asked.behind,
                    "moves": asked.moves,
                    **costs,
                    **_under_load(load, asked),
                }


def _under_load(load: Load, asked: argparse.Namespace) -> dict[str, Any]:
    dice, took = random.Random(asked.seed), list[dict[str, float]]()
    for number in range(asked.kills):
        rest(dice.uniform(1, 4))
        old = load.servers.primary()
        took.append(fail_over(load, old))
        print(f"  {number + 1}: {took[-1]}", file=sys.stderr)
        rest(dice.uniform(0, 2))
        old.start()
        load.servers.wait_until_whole()
    if asked.behind and isinstance(load.servers, SentinelServers):
        rest(2)
        took.append(hold_behind(load, load.servers))
    moves, servers = list[dict[str, float]](), load.servers
    for number in range(asked.moves):
        if isinstance(servers, ClusterServers):
            rest(dice.uniform(1, 4))
            moves.append(move(load, servers))
            print(f"  moved {number + 1}: {moves[-1]}", file=sys.stderr)
    return {**_longest(took), **_longest(moves), **load.judged(SETTLES_S)}


def _longest(took: list[dict[str, float]]) -> dict[str, float]:
    return {f"{name}_max": round(max(one[name] for one in took), 2) for name in took[0]} if took else {}


def main(argv: Sequence[str] | None = None) -> int:
    """Fail over, judge, print; 1 when something does not hold."""
    asked = _parser().parse_args(argv)
    asked.behind &= not asked.cluster
    binary = debian_server() if asked.server == "redis-server" else server_binary()
    if binary is None:
        print("no redis-server on this machine: apt-get install redis-server", file=sys.stderr)
        return 2
    found = run(asked, binary)
    wrong = [name for name in ZEROS if found[name]]
    print(f"{'':<22}{asked.durability}, {asked.server}{', cluster' if asked.cluster else ''}")
    for name, value in found.items():
        print(f"  {name:<20}{value}{'   <- must be 0' if name in wrong else ''}")
    known = {
        "benchmark": "failover",
        "cluster": asked.cluster,
        "durability": asked.durability,
        "server": asked.server,
        "seed": asked.seed,
    }
    print(json.dumps({"benchmark": "failover", **known, **found, "holds": not wrong}))
    return 1 if wrong else 0


def _parser() -> argparse.ArgumentParser:
    parser = HidingParser(prog="python -m benchmarks.failover", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="times that the primary dies")
    parser.add_argument("--durability", choices=("local", "replicated"), default="local", help="what a write waits for")
    parser.add_argument("--server", choices=("valkey", "redis-server"), default="valkey", help="whose servers")
    parser.add_argument("--cluster", action="store_true", help="three shards with a replica each, no sentinels")
    parser.add_argument("--moves", type=int, default=0, help="times that the slot is migrated (--cluster)")
    parser.add_argument("--no-behind", dest="behind", action="store_false", help="leave out the replica held behind")
    parser.add_argument("--folder", type=Path, help="a new folder for servers and logs, which stays")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same moments")
    return parser


if __name__ == "__main__":
    sys.exit(main())
