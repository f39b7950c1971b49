"""`hybrid demo`: the whole pipeline live on screen, against the local simulator and the embedded server."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from redis import Redis
from rich.live import Live

from backtest.history.capture_tape import read_tape
from backtest.replay.replay import SessionReplay
from ops.domain.demo_check import DemoVerdict, judge_demo
from ops.operator.status import StatusWatcher
from ops.operator.terminal.screen import full_screen
from ops.recording import capture
from ops.supervisor.child import ChildProcess, ChildProgram
from ops.supervisor.pipeline import ProcessPipeline, running
from ops.supervisor.server_folder import embedded_server
from ops.supervisor.up import PROGRAMS, to_files
from shared.capture.capture import Capture
from shared.clock import Clock, SystemClock
from shared.domain.errors import DependencyMissing, Malformed, RefusedForSafety
from shared.domain.secret_settings import without_secrets
from shared.http.client import Upstream
from shared.messages.base import DECISIONS, REDEMPTIONS, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal
from shared.process import outlet
from shared.process.service_life import Abandon
from shared.process.shutdown_signals import DIE_WITH_PARENT
from shared.redis.client import connect_redis
from shared.redis.streams import follow_streams
from shared.terminal import Terminal

E = TypeVar("E")
HOME = Path("var") / "demo"
FRAME_MS = 500
SETTLE_S = 30.0
"""Seconds the pipeline has to catch up once the world stands still, before it is judged."""
TOLD_SETTLE_S = 5.0
"""The same when told to stop: everything ends within 15 s."""
_WORLD = ("--leaders", "5", "--resolve-after", "15", "--fills-per-minute", "60")

_CHILD_SETTINGS = {
    "HYBRID_ENV_FILE": "",
    "LIVE": "false",
    "DRY_RUN": "true",
    "PROGRESS_EVERY_S": "2",
    "SCAN_EVERY_S": "2",
    "HEARTBEAT_S": "2",
    "HEALTH_PORT": "0",
    "RUNTIME_SECONDS": "0",
    "MAX_DAY_USDC": "2000",
    "PAPER_BANKROLL_USDC": "5000",
}


class DemoWorld:
    """The simulator as a process, and its control port."""

    def __init__(self, urls: Mapping[str, Any], clock: Clock, pid: int | None = None) -> None:
        self.urls, self.pid = urls, pid
        self.leaders = [str(leader["address"]) for leader in urls["leaders"]]
        self.environment = {
            "DATA_API_URL": str(urls["data_api_url"]),
            "GAMMA_URL": str(urls["gamma_url"]),
            "CLOB_URL": str(urls["clob_url"]),
            "CLOB_MARKET_URL": str(urls["clob_ws_url"]),
            "CLOB_USER_URL": str(urls["clob_user_ws_url"]),
            "GEOBLOCK_URL": str(urls["geoblock_url"]),
            "RELAYER_URL": str(urls["relayer_url"]),
            "RPC_URL": str(urls["rpc_url"]),
            "SUBGRAPH_URL": str(urls["subgraph_url"]),
            "RTDS_URL": str(urls["rtds_url"]),
            "PENDING_URLS": f"{urls['pending_url']},{urls['second_pending_url']}",
            "TRACKED_WALLETS": ",".join(self.leaders),
        }
        self._control = Upstream("simulator", str(urls["control_url"]), [], clock=clock, stop=threading.Event())

    def freeze(self) -> None:
        """Let nobody trade any more; what was traded still becomes visible."""
        self._control.post("/pause", {})

    def requests(self, upstream: str) -> list[Mapping[str, Any]]:
        """Return what was asked of one upstream (`data`, `rpc`, ...), in order of arrival."""
        return self._control.get("/requests", {"upstream": upstream})["requests"]

    def fills(self) -> list[Mapping[str, Any]]:
        """Return the simulator's own record of every fill."""
        found: list[Mapping[str, Any]] = []
        while True:
            after = found[-1]["seq"] if found else 0
            page = self._control.get("/fills", {"after_seq": after, "limit": 1000})["fills"]
            found += page
            if not page:
                return found


@dataclasses.dataclass(frozen=True)
class DemoEnds:
    """When to stop showing."""

    stop: threading.Event
    at: float | None
    clock: Clock

    def reached(self) -> bool:
        """Say whether it is time."""
        return self.stop.is_set() or (self.at is not None and self.clock.monotonic() >= self.at)


def main(*, seconds: float, speed: float, seed: int, screen: bool, data_dir: Path | None) -> int:
    """Run the demo; 0 when every fill was signalled exactly once and the replay came out the same.

    Told to stop (Ctrl-C) it shows the summary of what there was: what came too late to be judged is no fault then.
    """
    clock, left = SystemClock(), list[Abandon]()
    stop = capture.stop_on_signals(lambda: [name for abandon in left for name in abandon()], clock)
    outlet.install_outlet()
    home = data_dir or HOME
    _clear(home)
    words = (*_WORLD, "--speed", str(speed), "--seed", str(seed))
    with simulator(clock, *words) as world, embedded_server(home, clock) as server:
        redis = connect_redis(server.url, blocking_s=1)
        children = [_child(name, module, world, server.url, home, clock) for name, module in PROGRAMS]
        pipeline = ProcessPipeline(children, clock=clock, server=server)
        left += [pipeline.abandon, lambda: _killed("simulator", world.pid), lambda: _killed("server", server.pid)]
        with running(pipeline, stop):
            ends = DemoEnds(stop, clock.monotonic() + seconds if seconds else None, clock)
            _show(StatusWatcher(redis, clock, title=f"Hybrid Signals demo · speed {speed:g}"), ends, on_screen=screen)
            told = stop.is_set()
            world.freeze()
            verdict = settle(world, redis, clock, TOLD_SETTLE_S if told else SETTLE_S)
        capture.capture(redis, home / "capture.jsonl", threading.Event())
        summary = _summary(redis, verdict, home, told=told)
    outlet.print_line(json.dumps(summary))
    return 0 if summary["ok"] else 1


def _killed(name: str, pid: int | None) -> list[str]:
    """Kill a process of ours, which loses nothing that was acknowledged; return its name if there was one."""
    if pid is None:
        return []
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return [name]


def _clear(home: Path) -> None:
    """Empty the folder of an earlier demo.

    Raises:
        RefusedForSafety: there is something else in it, perhaps a real ledger.
    """
    mark = home / ".demo"
    if home.exists() and any(home.iterdir()) and not mark.exists():
        raise RefusedForSafety(f"--data-dir {home} holds something that no demo wrote: choose an empty or new folder")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    mark.touch()


@contextlib.contextmanager
def simulator(clock: Clock, *words: str) -> Generator[DemoWorld]:
    """Run `python -m simulator` with these words while the block runs.

    Raises:
        DependencyMissing: it did not come up.
    """
    process = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-P", "-m", "simulator", *words],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**without_secrets(os.environ), DIE_WITH_PARENT: str(os.getpid())},
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith("{"):
            raise DependencyMissing(
                f"the simulator did not start: {line.strip() or 'it said nothing'}; run `make install`"
            )
        yield DemoWorld(json.loads(line), clock, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def settle(
    world: DemoWorld, redis: Redis, clock: Clock, seconds: float = SETTLE_S, *, decide: bool = True
) -> DemoVerdict:
    """Wait until every fill was signalled and (with `decide`) every signal decided, at most `seconds`; then judge."""
    never = threading.Event()
    deadline = clock.monotonic() + seconds
    while True:
        signals = read_all(redis, SIGNALS, ActionableSignal)
        decided = {decision.signal_id for decision in read_all(redis, DECISIONS, BuyEngineDecision)}
        verdict = judge_demo(world.fills(), signals)
        if verdict.clean and (not decide or decided >= {item.id for item in signals}):
            return verdict
        if clock.monotonic() > deadline:
            return verdict
        clock.wait(never, 0.5)


def read_all(redis: Redis, stream: str, kind: type[E]) -> list[E]:
    """Return every event of one kind on a stream."""
    positions, found = {stream: "0-0"}, cast("list[E]", [])
    while entries := follow_streams(redis, positions, block_ms=1):
        for entry in entries:
            with contextlib.suppress(Malformed):
                event = read_event(entry.json)
                if type(event) is kind:
                    found.append(event)
    return found


def environment(world: DemoWorld, redis_url: str, home: Path) -> dict[str, str]:
    """Return what the demo's programs are told beyond our own environment: the local venue, paper, no file."""
    return {**world.environment, **_CHILD_SETTINGS, "REDIS_URL": redis_url, "RUN_DIR": str(home), "LOG_FORMAT": "json"}


def _child(name: str, module: str, world: DemoWorld, redis_url: str, home: Path, clock: Clock) -> ChildProcess:
    return ChildProcess(ChildProgram(name, module, environment(world, redis_url, home)), to_files(home / "log"), clock)


def _show(watcher: StatusWatcher, ends: DemoEnds, *, on_screen: bool) -> None:
    console = Terminal(stderr=not on_screen)
    if on_screen and console.is_terminal:
        with Live(console=console, screen=True, auto_refresh=False) as live:
            _each_frame(watcher, ends, lambda: live.update(full_screen(watcher.picture, console.height), refresh=True))
        return
    said: list[float] = [0.0]

    def say() -> None:
        if ends.clock.monotonic() - said[0] >= 5:  # noqa: PLR2004 - a line every 5 seconds
            said[0] = ends.clock.monotonic()
            counts = watcher.picture.view.counts
            names = ("ACTIONABLE_SIGNAL", "BUY_ENGINE_DECISION", "REDEMPTION_RESULT")
            console.print("  ".join(f"{name} {counts[name]}" for name in names))

    _each_frame(watcher, ends, say)


def _each_frame(watcher: StatusWatcher, ends: DemoEnds, draw: Callable[[], None]) -> None:
    while not ends.reached():
        watcher.follow(FRAME_MS)
        draw()


def _summary(redis: Redis, verdict: DemoVerdict, home: Path, *, told: bool) -> dict[str, Any]:
    signals = read_all(redis, SIGNALS, ActionableSignal)
    decisions = read_all(redis, DECISIONS, BuyEngineDecision)
    replayed = list(SessionReplay(read_tape(Capture.open(home / "capture.jsonl"))).run())
    identical = sum(item.same for item in replayed)
    facts: dict[str, Any] = {
        "event": "DEMO_SUMMARY",
        "fills": verdict.fills,
        "signals": len(signals),
        "decisions": len(decisions),
        "bought": sum(decision.verdict == "BUY" for decision in decisions),
        "sold": sum(decision.verdict == "SELL" for decision in decisions),
        "redemptions": redis.xlen(REDEMPTIONS),
        "missed": verdict.missed,
        "duplicated": verdict.duplicated,
        "wrong_amounts": verdict.wrong,
        "undecided": len({item.id for item in signals} - {decision.signal_id for decision in decisions}),
        "replayed_identically": f"{identical}/{len(decisions)}",
        "capture": str(home / "capture.jsonl"),
    }
    right = not (verdict.duplicated or verdict.wrong) and identical == len(decisions)
    if told:
        return {**facts, "ended": "told to stop", "ok": right}
    alive = all(facts[name] > 0 for name in ("fills", "signals", "decisions", "redemptions"))
    return {**facts, "ok": alive and right and verdict.clean and not facts["undecided"]}
