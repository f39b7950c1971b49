"""Parts that the detector's benchmarks share: a server, the local venue, and the detector as a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

from msgspec.structs import replace
from redis import Redis

from detector.config import SOURCES, DetectorSettings
from ops.demo import demo
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import Clock, SystemClock
from shared.domain.errors import HybridError, Malformed
from shared.http.client import Upstream
from shared.messages.base import SIGHTINGS, SIGNALS
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted
from shared.process.shutdown_signals import DIE_WITH_PARENT
from shared.redis.client import connect_redis

CLOCK: Clock = SystemClock()
NEVER = threading.Event()
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE = 5000
_READ = frozenset({"ACTIONABLE_SIGNAL", "FILL_RETRACTED", "FILL_CONFIRMED"})
_TRIES = 30
_DEFAULT = cast("tuple[str, ...]", DetectorSettings.model_fields["sources"].default)
PUSH = "rtds"
PENDING = "pending"
SHOWN_AT = {"chain_logs": "chain_at_ms", "data_api": "data_at_ms", PUSH: "rtds_at_ms", PENDING: "pending_at_ms"}
"""The simulator's own word for when a source could first show a fill."""


def sources() -> str:
    """Return the sources a detector runs with by default, and the push feed where there is one."""
    return ",".join(dict.fromkeys((*_DEFAULT, *(name for name in (PUSH,) if name in SOURCES))))


class Venue(demo.DemoWorld):
    """The simulator as a process, and every lever of its control port."""

    def __init__(self, urls: Mapping[str, Any]) -> None:
        super().__init__(urls, CLOCK)
        self.environment["RTDS_URL"] = str(urls["rtds_url"])
        self.pending_urls = self.environment.pop("PENDING_URLS")  # signing costs the venue: only who measures it
        self._asked = 0
        self._levers = Upstream(
            "levers", str(urls["control_url"]), [], clock=CLOCK, stop=NEVER, timeout_s=60, max_body_bytes=2**28
        )

    def now_ms(self) -> int:
        """Return the world's time."""
        return int(self._told("/world", "now_ms"))

    def fault(self, kind: str, upstream: str, **given: Any) -> None:  # noqa: ANN401 - as the simulator takes it
        """Put a fault in force."""
        with contextlib.suppress(Malformed):  # a fault on all answers spoils this one too
            self._levers.post("/faults", {"kind": kind, "upstream": upstream, **given})

    def fills_after(self, seq: int) -> list[Mapping[str, Any]]:
        """Return the simulator's own record of the leaders' fills after one."""
        found: list[Mapping[str, Any]] = []
        while page := self._told("/fills", "fills", {"after_seq": seq, "limit": _PAGE}):
            found += page
            seq = page[-1]["seq"]
        return found

    def taken_back(self) -> set[str]:
        """Return the transactions of the operator that are in no block, or failed there."""
        return {str(one["tx_hash"]) for one in self._told("/pending", "taken_back")}

    def asked(self) -> Counter[str]:
        """Return how many requests each upstream got since the last call."""
        asked = self._told("/requests", "requests", {"after": self._asked, "limit": 1_000_000})
        self._asked = asked[-1]["seq"] if asked else self._asked
        return Counter(request["upstream"] for request in asked)

    def _told(self, path: str, part: str, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        """Ask until a part of the answer is there: a fault on all answers spoils ours too."""
        for _ in range(_TRIES):
            with contextlib.suppress(HybridError, KeyError):
                return self._levers.get(path, params)[part]
            rest(0.1)
        return self._levers.get(path, params)[part]


class Detector:
    """`python -m detector` under observation."""

    def __init__(self, venue: Venue, redis_url: str, **given: str) -> None:
        self.starts = 0
        self._folder = tempfile.TemporaryDirectory()
        self._file = Path(self._folder.name) / "env"
        known = {"REDIS_URL": redis_url, "RUN_DIR": self._folder.name, "LOG_FORMAT": "json", "SOURCES": sources()}
        values = {**venue.environment, **known, **{name.upper(): value for name, value in given.items()}}
        self._file.write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")
        self._log = (Path(self._folder.name) / "log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, its events to nowhere."""
        self.starts += 1
        self._process = subprocess.Popen(
            [sys.executable, "-m", "detector", "--env-file", str(self._file)],
            env={**os.environ, DIE_WITH_PARENT: str(os.getpid())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )

    def kill(self) -> None:
        """Kill it with -9, and start it again."""
        if self._process:
            self._process.kill()
            self._process.wait()
        self.start()

    def stop(self) -> None:
        """End it."""
        if self._process:
            self._process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            self._process.kill()
            self._process.wait()
        self._log.close()
        self._folder.cleanup()

    def alive(self) -> bool:
        """Say whether it runs."""
        return self._process is not None and self._process.poll() is None

    def said(self) -> str:
        """Return the end of its log."""
        return (Path(self._folder.name) / "log").read_text(encoding="utf-8")[-2000:]

    def rss_mb(self) -> float:
        """Return its resident memory."""
        fields = self._proc("status").split()
        return int(fields[fields.index("VmRSS:") + 1]) / 1024 if "VmRSS:" in fields else 0.0

    def cpu_s(self) -> float:
        """Return the processor time it used."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S if fields else 0.0

    def _proc(self, name: str) -> str:
        try:
            return Path(f"/proc/{self._process.pid if self._process else 0}/{name}").read_text(encoding="ascii")
        except OSError:
            return ""


class Tape:
    """The signals of trades on a stream, read as they come: (published at, signal)."""

    def __init__(self, redis: Redis) -> None:
        self.found: list[tuple[int, ActionableSignal]] = []
        self.retracted: set[str] = set()
        self._sent_again: dict[str, str] = {}
        self._redis, self._after = redis, dict[str, str]()

    def read(self) -> int:
        """Take in what is new; return how many fills the signals hold."""
        for stream in (SIGNALS, SIGHTINGS):
            while rows := self._rows(stream):
                for entry_id, fields in rows:
                    if fields["event"] in _READ:
                        self._take(int(entry_id.partition("-")[0]), fields["json"])
                self._after[stream] = f"({rows[-1][0]}"
        return sum(len(signal.fills) for _, signal in self.found)

    def _rows(self, stream: str) -> list[tuple[str, dict[str, str]]]:
        rows = self._redis.xrange(stream, self._after.get(stream, "-"), count=_PAGE)
        return cast("list[tuple[str, dict[str, str]]]", rows)

    def _take(self, at_ms: int, text: str) -> None:
        with contextlib.suppress(Malformed):
            event = read_event(text)
            if isinstance(event, ActionableSignal) and event.cause == "TRADE":
                self.found.append((at_ms, event))
            elif isinstance(event, FillRetracted):
                self.retracted.add(event.signal_id)
            elif isinstance(event, FillConfirmed) and event.replaced_by:
                self._sent_again[event.tx_hash] = event.replaced_by

    @property
    def signals(self) -> list[ActionableSignal]:
        """Return the signals, each under the name of the transaction that a block holds."""
        again = self._sent_again
        return [
            replace(signal, tx_hash=again[signal.tx_hash]) if signal.tx_hash in again else signal
            for _, signal in self.found
        ]


@contextlib.contextmanager
def server() -> Generator[str]:
    """Run a server of our own (no sync: the disk is not what is measured); give its URL."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedRedis(Path(folder), fsync="off") as embedded:
        yield embedded.url


@contextlib.contextmanager
def venue(*words: str) -> Generator[Venue]:
    """Run the simulator with these words, as a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "simulator", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, DIE_WITH_PARENT: str(os.getpid())},
    )
    try:
        yield Venue(json.loads(process.stdout.readline() if process.stdout else ""))
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@contextlib.contextmanager
def detecting(where: Venue, url: str, **given: str) -> Generator[Detector]:
    """Run a detector while the block runs."""
    detector = Detector(where, url, **given)
    detector.start()
    try:
        yield detector
    finally:
        detector.stop()


def emptied(url: str) -> Redis:
    """Return a connection to a server that holds nothing."""
    redis = connect_redis(url)
    redis.flushall()
    return redis


def rest(seconds: float) -> None:
    """Wait."""
    CLOCK.wait(NEVER, seconds)


def percentile(values: list[float], percent: float) -> float:
    """Return a percentile; 0 of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] if ordered else 0.0
