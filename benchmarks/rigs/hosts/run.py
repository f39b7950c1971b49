"""Two hosts under load, a server and the venue between them; each host's link is cut in turn.

`python -m benchmarks.rigs.hosts.run` is started in a namespace of its own, is told what to do by one line of JSON, and
writes what came of it as its last line.
"""

import contextlib
import json
import random
import signal
import sys
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis import Redis

from benchmarks.rigs.failovers.load import LOOSE, QUICK, judge_load
from benchmarks.rigs.failovers.nodes import wait_for
from benchmarks.rigs.hosts.books import books_off
from benchmarks.rigs.hosts.hosts import Host, Side
from benchmarks.rigs.hosts.namespaces import CENTRE, open_centre
from benchmarks.rigs.order_rig import CLOCK, NEVER, Trading
from buyer.sharding.shard_leases import shard_holders
from ops.demo.demo import DemoWorld, read_all, simulator
from ops.supervisor.embedded_redis import LOGIN_FILE, EmbeddedRedis
from shared.domain.trading_words import LIVE
from shared.messages.base import SERVICE
from shared.messages.service import ServiceHealth
from shared.process.shutdown_signals import die_with_parent
from shared.redis.client import connect_redis

SETTLES_S = 240.0
BACK_S = 120.0
LOOK_S = 0.1
STAYS_S = 10.0
"""A program counts as back with the first word of the process that still speaks so much later."""
WORDS = ("--leaders", "6", "--speed", "4", "--fills-per-minute", "60", "--no-limits", "--resolve-after", "86400")


@dataclass
class Joined:
    """Two hosts at work, and what is between them."""

    hosts: tuple[Host, ...]
    crowd: DemoWorld
    trading: Trading
    redis: Redis
    url: str
    starts: dict[str, Any] = field(default_factory=dict[str, Any])

    def cut(self, host: Host, side: Side, seconds: float) -> dict[str, Any]:
        """Cut a host off for so long; return when the other had its shards, and how soon its programs were back."""
        held = len(self._shards_of(host))
        host.turn_link(side, "down")
        free_s = self._until_freed(host, seconds)
        host.turn_link(side, "up")
        up_ms = CLOCK.now_ms()
        self.wait_for_beats(host, up_ms)
        CLOCK.wait(NEVER, STAYS_S)
        back = {f"{name}_back_s": (at_ms - up_ms) / 1000 for name, at_ms in self._back(host, up_ms).items()}
        return {"host": host.name, "side": side, "shards_held": held, "taken_over_s": free_s if held else None, **back}

    def wait_for_beats(self, host: Host, after_ms: int) -> None:
        """Wait until both programs of a host have said that they live, after a moment of the clock."""
        wait_for(lambda: len(self._back(host, after_ms)) == 2, f"{host.name} is not back: see {host.folder}", BACK_S)

    def _back(self, host: Host, after_ms: int) -> dict[str, int]:
        """Return when each program of a host that still speaks spoke first; one that lost its lease begins again."""
        first, newest = dict[str, int](), dict[str, str]()
        for beat in read_all(self.redis, SERVICE, ServiceHealth):
            if beat.emitted_at_ms > after_ms and f"@{host.name}:" in beat.instance:
                first.setdefault(beat.instance, beat.emitted_at_ms)
                newest[beat.service] = beat.instance
        return {service: first[instance] for service, instance in newest.items()}

    def _until_freed(self, host: Host, seconds: float) -> float | None:
        """Let so long pass; return when nothing was held by a host any more, None if never."""
        began, free_s = CLOCK.monotonic(), None
        while (passed := CLOCK.monotonic() - began) < seconds:
            if free_s is None and not self._shards_of(host) and all(shard_holders(self.redis, LIVE).values()):
                free_s = round(passed, 1)
            CLOCK.wait(NEVER, LOOK_S)
        return free_s

    def _shards_of(self, host: Host) -> list[str]:
        return [shard for shard, holder in shard_holders(self.redis, LIVE).items() if holder.endswith(f".{host.name}")]


@contextlib.contextmanager
def joined(folder: Path, asked: Mapping[str, Any]) -> Generator[Joined]:
    """Run the server, the venue and both hosts while the block runs."""
    open_centre()
    hosts: list[Host] = []
    with (
        EmbeddedRedis(folder / "valkey") as server,
        simulator(CLOCK, "--host", CENTRE, "--seed", str(asked["seed"]), *WORDS) as crowd,
        connect_redis(server.url) as redis,
    ):
        redis.config_set("bind", f"127.0.0.1 {CENTRE}")
        password = (server.folder / LOGIN_FILE).read_text(encoding="ascii").strip()
        trading = Trading(crowd.urls, server, folder)
        trading.prepare()
        trading.far_url = f"redis://:{password}@{CENTRE}:{server.port}/0"
        found = Joined((), crowd, trading, redis, server.url)
        try:
            hosts += [Host(place, folder, asked["each_way_ms"]) for place in range(2)]
            found.hosts = tuple(hosts)
            for host in hosts:
                host.start(_settings(found, asked))
            for host in hosts:
                found.wait_for_beats(host, 0)
            yield found
        finally:
            found.starts = {host.name: host.stop() for host in hosts}


def _settings(town: Joined, asked: Mapping[str, Any]) -> dict[str, str]:
    """Return what the programs of both hosts are told."""
    told = {**town.crowd.environment, **town.trading.environment, **QUICK, **LOOSE}
    told |= {"TRACKED_WALLETS": ",".join(town.crowd.leaders), "ALLOW_PLAIN_HTTP": "true", "HYBRID_ENV_FILE": ""}
    told |= {"LEASE_S": str(asked["lease_s"]), "BUYER_SHARDS": str(asked["shards"])}
    told.pop("PENDING_URLS", None)
    return told


def run(folder: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Cut each host off as often as asked, and judge."""
    dice, cuts = random.Random(asked["seed"]), list[dict[str, Any]]()
    with joined(folder, asked) as town:
        CLOCK.wait(NEVER, asked["before_s"])
        for side in asked["sides"]:
            for host in town.hosts:
                cuts.append(town.cut(host, side, asked["cut_s"]))
                sys.stderr.write(f"  {cuts[-1]}\n")
                CLOCK.wait(NEVER, dice.uniform(0.5, 1.0) * asked["before_s"])
        found = judge_load(town.crowd, town.trading, town.url, SETTLES_S)
        found |= books_off(town.trading, SETTLES_S / 4)
    return {"cuts": cuts, **found, "starts": town.starts}


def main() -> None:
    """Do what standard input asks for."""
    signal.signal(signal.SIGTERM, _end)
    die_with_parent()
    asked: dict[str, Any] = json.loads(sys.stdin.readline())
    print(json.dumps(run(Path(asked["folder"]), asked)))


def _end(number: int, _frame: object) -> None:
    """End all that was started: told to, or who asked is gone."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main()
