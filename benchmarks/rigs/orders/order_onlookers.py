"""An order beside who looks on: people at the dashboard, or the alerts; in turns with them and without.

So a busy machine slows both.
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.rigs.order_rig import CLOCK, NEVER, Trading, trading
from benchmarks.rigs.orders.order_beside import WARM_UP
from benchmarks.rigs.orders.order_load import go_first, latencies, p99
from benchmarks.rigs.orders.order_program import Program
from buyer.domain.token_shard import LIVE_GROUP as GROUP
from ops.supervisor.embedded_redis import free_port
from ops.web.live.regions import REGIONS
from ops.web.security.tokens import new_pass
from ops.web.settings import WebSettings
from ops.web.web_process import build_keeper
from shared.config import parse
from shared.messages.base import SIGNALS
from shared.process.shutdown_signals import DIE_WITH_PARENT

ROUND = 20
_START_S = 20.0
_READER = """
import http.client, sys, threading
def look():
    line = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
    line.request("GET", "/stream?regions=" + sys.argv[2], headers={"Cookie": sys.argv[3]})
    answer = line.getresponse()
    assert answer.status == 200, answer.status
    while answer.readline():
        pass
readers = [threading.Thread(target=look) for _ in range(int(sys.argv[4]))]
for reader in readers: reader.start()
print("looking", flush=True)
for reader in readers: reader.join()
"""


_SINK = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Sink(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words):
        pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
print(server.server_port, flush=True)
server.serve_forever()
"""
Onlookers = contextlib.AbstractContextManager[Sequence["subprocess.Popen[bytes]"]]


def compare_viewers(count: int, signals: int) -> int:
    """Measure orders with `count` viewers of Now and without, in turns, and print both."""
    return _compare("order_viewers", {"viewers": count}, lambda world: viewers(world, count), signals)


def compare_alerts(signals: int) -> int:
    """Measure orders with `hybrid alerts`, told of every one of them, and without."""
    return _compare("order_alerts", {}, alerts, signals)


def _compare(name: str, given: dict[str, int], onlookers: Callable[[Trading], Onlookers], signals: int) -> int:
    with trading() as world, onlookers(world) as processes:
        buyer = Program.timed(world, "buyer")
        try:
            buyer.wait_for(world, {GROUP})
            go_first()
            latencies(world, SIGNALS, GROUP, WARM_UP, "warm")
            found: dict[str, list[float]] = {"without": [], "with": []}
            for turn in range(max(1, signals // ROUND)):
                for which, number in (("without", signal.SIGSTOP), ("with", signal.SIGCONT)):
                    _tell(processes, number)
                    CLOCK.wait(NEVER, 0.3)
                    rows = latencies(world, SIGNALS, GROUP, ROUND, f"{which}{turn}")
                    found[which] += [there - then for then, there in rows]
            kilobytes = pss_kb(processes[0].pid)
        finally:
            buyer.kill()
    figures = {
        which: {"p50_ms": round(median(all_), 2), "p99_ms": round(p99(all_), 2)} for which, all_ in found.items()
    }
    told = {"benchmark": name, **given, "orders": len(found["with"]), **figures}
    print(json.dumps({**told, "pss_mb": round(kilobytes / 1024, 1)}))
    return 0


@contextlib.contextmanager
def alerts(world: Trading) -> Generator[Sequence[subprocess.Popen[bytes]]]:
    """Run the alerts, and who takes their messages, while the block runs."""
    sink = subprocess.Popen([sys.executable, "-c", _SINK], stdout=subprocess.PIPE)
    assert sink.stdout is not None  # noqa: S101 - it was asked for
    where = f"json://127.0.0.1:{int(sink.stdout.readline())}"
    environment = {**os.environ, "REDIS_URL": world.server.url, "RUN_DIR": str(world.folder / "alerts")}
    environment |= {"ALERT_URLS": where, "ALERT_PER_HOUR": "1000", DIE_WITH_PARENT: str(os.getpid())}
    told = subprocess.Popen([sys.executable, "-m", "ops.alerts"], env=environment, stderr=subprocess.DEVNULL)
    try:
        CLOCK.wait(NEVER, _START_S / 5)
        yield (told, sink)
    finally:
        for process in (told, sink):
            process.kill()
            process.communicate()


@contextlib.contextmanager
def viewers(world: Trading, count: int) -> Generator[Sequence[subprocess.Popen[bytes]]]:
    """Run a dashboard and its readers while the block runs."""
    port, folder = free_port(), world.folder / "dashboard"
    environment = {**os.environ, "REDIS_URL": world.server.url, "WEB_PORT": str(port), "DATA_DIR": str(folder)}
    environment |= {DIE_WITH_PARENT: str(os.getpid()), "MALLOC_ARENA_MAX": "1"}
    web = subprocess.Popen([sys.executable, "-m", "ops.web"], env=environment, stderr=subprocess.DEVNULL)
    readers: list[subprocess.Popen[bytes]] = []
    try:
        until = CLOCK.monotonic() + _START_S
        while not (folder / "web" / "url").exists() and CLOCK.monotonic() < until:
            CLOCK.wait(NEVER, 0.1)
        keeper = build_keeper(parse(WebSettings, [], data_dir=folder), CLOCK)
        cookie = keeper.cookie_of(new_pass("viewer", "viewer", CLOCK.now_ms() + 3_600_000))
        words = [str(port), ",".join(REGIONS), f"hybrid_{port}={cookie}", str(count)]
        readers.append(subprocess.Popen([sys.executable, "-c", _READER, *words], stdout=subprocess.PIPE))
        assert readers[0].stdout is not None  # noqa: S101 - it was asked for
        readers[0].stdout.readline()
        yield (web, *readers)
    finally:
        for process in (*readers, web):
            process.kill()
            process.communicate()


def pss_kb(pid: int) -> int:
    """Return what a process takes of memory: its own, and its part of what it shares."""
    found = re.search(r"(?m)^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8"))
    return int(found[1]) if found else 0


def _tell(processes: Sequence[subprocess.Popen[bytes]], number: signal.Signals) -> None:
    for process in processes:
        process.send_signal(number)
