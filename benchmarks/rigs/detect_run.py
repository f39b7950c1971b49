"""One history, lived by the local venue while a detector watches; what came of it."""

import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.rigs.detect_faults import Trouble
from benchmarks.rigs.detect_history import lines_of
from benchmarks.rigs.detect_rig import (
    CLOCK,
    SHOWN_AT,
    Detector,
    Tape,
    Venue,
    detecting,
    emptied,
    percentile,
    rest,
    sources,
    venue,
)
from ops.domain.demo_check import DemoVerdict, judge_demo
from shared.messages.signals import ActionableSignal

LOOK_S = 0.5
PATIENCE_S = 60.0
"""How long a detector may take once the venue stands still."""
_RESTS_S = 20.0
"""Nothing new for so long means that what is missing will not come."""
_WORD_EVERY_S = 10.0
_BLOCK_S = 1.5
_OVERLAP_S = 2.0
"""Wall seconds of blocks that are read again: a simulator under load mines late."""


@dataclass(frozen=True)
class Plan:
    """What is lived, and what is done to the detector meanwhile."""

    history: list[Path]
    speed: float
    kills: int = 0
    trouble: Trouble | None = None
    name: str = "plain"
    delays: tuple[str, ...] = ()
    """Words for the simulator: when each source may show a fill, and so which is first."""

    def settings(self) -> dict[str, str]:
        """Return the detector's settings; sped up, a minute of overlap holds hours of rows, so it is read calmly."""
        blocks = str(min(1000, max(20, ceil(_OVERLAP_S * self.speed / _BLOCK_S))))
        paces = {"poll_every_s": "3", "chain_poll_every_s": "0.5", "subgraph_poll_every_s": "1"}
        rates = {
            "rpc_rate_per_s": "20",
            "data_api_rate_per_s": "5",
            "overlap_s": "60",
            "overlap_blocks": blocks,
            "http_timeout_s": "2",
        }
        given = {"sources": sources(), **paces, **rates, **(self.trouble.settings if self.trouble else {})}
        return {
            name: sources() + value.replace("+", ",") if value[:1] == "+" else value for name, value in given.items()
        }

    def given_at(self, where: Venue) -> dict[str, str]:
        """Return the settings for a venue that is up: its nodes are known now."""
        given = self.settings()
        return given | ({"pending_urls": where.pending_urls} if "pending_urls" in given else {})


@dataclass
class Run:
    """What came of it; delays are from the first sight any source could have had to the publish."""

    verdict: DemoVerdict
    delays_ms: list[float]
    rss_mb: list[float]
    seconds: float
    kills: int = 0
    asked_kills: int = 0
    ghosts: int = 0
    retracted: int = 0
    cpu_s: float = 0.0
    log: str = field(default="", repr=False)

    def delay_ms(self, percent: float) -> float:
        """Return a percentile of the delays."""
        return percentile(self.delays_ms, percent)

    def rss_tenths(self) -> list[float]:
        """Return the memory at the end of each tenth of the run."""
        step = len(self.rss_mb) / 10
        return [self.rss_mb[ceil(tenth * step) - 1] for tenth in range(1, 11)] if self.rss_mb else []

    def figures(self) -> dict[str, Any]:
        """Return the figures for the report."""
        found = self.verdict
        return {
            "fills": found.fills,
            "missed": found.missed,
            "doubled": found.duplicated,
            "wrong": found.wrong,
            "kills": self.kills,
            "ghosts": self.ghosts,
            "retracted": self.retracted,
            "delay_ms": {f"p{percent}": round(self.delay_ms(percent)) for percent in (50, 95, 99, 100)},
            "rss_mb": [round(value, 1) for value in self.rss_tenths()],
            "seconds": round(self.seconds, 1),
            "fills_per_s": round(found.fills / max(self.seconds, 0.001), 1),
        }


def live(url: str, plan: Plan) -> Run:
    """Let the venue live the history, watch, then judge by the simulator's own record."""
    redis = emptied(url)
    words = ("--speed", str(plan.speed), *plan.delays, "--activity", *map(str, plan.history))
    quiet = ("--leaders", "0", "--markets", "0", "--fills-per-minute", "0")
    started = CLOCK.monotonic()
    with redis, venue(*words, *quiet) as where, detecting(where, url, **plan.given_at(where)) as detector:
        watch = _Watch(plan, where, detector, Tape(redis))
        fills = watch.until_the_end()
        return watch.judged(fills, CLOCK.monotonic() - started)


class _Watch:
    """Looks after one run."""

    def __init__(self, plan: Plan, where: Venue, detector: Detector, tape: Tape) -> None:
        self._plan, self._where, self._detector, self._tape = plan, where, detector, tape
        self._span_s = _span_s(plan)
        self._rss: list[float] = []
        self._killed = 0
        self._kills = sorted(random.Random(7).uniform(0.02, 0.98) * self._span_s for _ in range(plan.kills))
        self._next_trouble = self._next_word = 0.0
        self._began = CLOCK.monotonic()

    def until_the_end(self) -> list[Mapping[str, Any]]:
        """Return the venue's fills once all are signalled, or nothing new came for long."""
        while CLOCK.monotonic() < self._began + self._span_s + 2:
            self._turn()
        deadline = CLOCK.monotonic() + PATIENCE_S
        last, moved_at = -1, CLOCK.monotonic()
        while True:
            self._turn(ended=True)
            fills, seen = self._where.fills_after(0), self._tape.read()
            last, moved_at = (seen, CLOCK.monotonic()) if seen != last else (last, moved_at)
            now = CLOCK.monotonic()
            clean = judge_demo(fills, self._kept(fills)).clean and self._ghosts(fills) <= self._tape.retracted
            if clean or now > deadline or now > moved_at + _RESTS_S:
                rest(LOOK_S)
                self._tape.read()
                return fills

    def judged(self, fills: list[Mapping[str, Any]], seconds: float) -> Run:
        """Hold signals against fills."""
        ghosts = self._ghosts(fills)
        return Run(
            verdict=judge_demo(fills, self._kept(fills)),
            delays_ms=_delays(fills, self._tape.found, self._plan.settings()["sources"]),
            rss_mb=self._rss,
            seconds=seconds,
            kills=self._killed,
            asked_kills=self._plan.kills,
            ghosts=len(ghosts),
            retracted=len(ghosts & self._tape.retracted),
            cpu_s=self._detector.cpu_s(),
            log=self._detector.said(),
        )

    def _kept(self, fills: list[Mapping[str, Any]]) -> list[ActionableSignal]:
        """Return the signals but those of fills that a reorganisation dropped for good: they were true when told."""
        removed = self._removed(fills)
        return [signal for signal in self._tape.signals if signal.tx_hash not in removed]

    def _ghosts(self, fills: list[Mapping[str, Any]]) -> set[str]:
        """Return the signals of fills that a reorganisation dropped for good."""
        removed = self._removed(fills)
        return {signal.id for signal in self._tape.signals if signal.tx_hash in removed}

    def _removed(self, fills: list[Mapping[str, Any]]) -> set[str]:
        """Return the transactions that were in a block, or seen pending, and are in none."""
        pending = self._where.taken_back() if "pending_urls" in self._plan.settings() else set[str]()
        return pending | {fill["tx_hash"] for fill in fills if fill["removed"]}

    def _tell(self, at: float, fills: int) -> None:
        """Say now and then how far it is, to whoever watches."""
        if at >= self._next_word:
            self._next_word = at + _WORD_EVERY_S
            part = min(1.0, at / max(self._span_s, 0.001))
            left = max(0.0, self._span_s - at)
            told = f"{part:4.0%}, {fills:,} fills signalled, {self._killed} kills, {left:.0f} s of history left"
            print(f"{self._plan.name}: {told}", file=sys.stderr, flush=True)

    def _turn(self, *, ended: bool = False) -> None:
        rest(LOOK_S)
        if not self._detector.alive():
            raise SystemExit(f"the detector ended by itself: {self._detector.said()}")
        self._rss.append(self._detector.rss_mb())
        at = CLOCK.monotonic() - self._began
        self._tell(at, self._tape.read())
        if self._killed < len(self._kills) and (ended or at >= self._kills[self._killed]):
            self._detector.kill()
            self._killed += 1
        trouble = self._plan.trouble
        if trouble and at >= self._next_trouble and not ended:
            self._where.fault(trouble.kind, trouble.upstream, **trouble.wish())
            self._next_trouble = at + trouble.every_s if trouble.every_s else float("inf")


def _span_s(plan: Plan) -> float:
    times = [int(line["timestamp"]) for path in plan.history for line in lines_of(path)]
    return (max(times) - min(times)) / plan.speed


def _delays(fills: list[Mapping[str, Any]], found: list[tuple[int, ActionableSignal]], watched: str) -> list[float]:
    """Return, for each key, the time from its first fill's first visibility to its first signal."""
    views = [SHOWN_AT[name] for name in watched.split(",") if name in SHOWN_AT]
    shown: dict[tuple[str, str, str], int] = {}
    for fill in fills:
        key = (fill["leader"], fill["tx_hash"], fill["token_id"])
        at_ms = min(fill[view] for view in views)
        shown[key] = min(at_ms, shown.get(key, at_ms))
    first: dict[tuple[str, str, str], int] = {}
    for published_ms, signal in found:
        first.setdefault((signal.leader, signal.tx_hash, signal.token_id), published_ms)
    return [max(0.0, float(at_ms - shown[key])) for key, at_ms in first.items() if key in shown]
