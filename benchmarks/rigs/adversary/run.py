"""One run of a scenario, in a process of its own, and what came of it."""

import os
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from benchmarks.rigs.adversary import scenarios
from benchmarks.rigs.adversary.stage import Stage
from benchmarks.rigs.order_rig import CLOCK, trading

VENUE = ("--speed", "20")
"""Blocks, confirmations and index come twenty times as fast; books and decisions do not."""


Run = Literal["with", "without"]
WITH: Run = "with"
WITHOUT: Run = "without"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run lost by the venue's record, in micro-units of pUSD; None where it did not come to its end."""

    lost: int | None
    decisions: dict[str, int]
    notes: tuple[str, ...]
    seconds: float
    failed: str = ""


def play(name: str, how: Run) -> Outcome:
    """Run a scenario with its protection or without; whatever goes wrong is an outcome, too."""
    quiet = os.open(os.environ.get("ADVERSARY_LOG", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(quiet, 2)
    scenario, started, stage = scenarios.named(name), CLOCK.monotonic(), None
    protected = how == WITH
    scenario.prepare(protected=protected)
    lost, failed = None, ""
    try:
        with trading(*VENUE) as world:
            stage = Stage(world, protected=protected)
            stage.environment(scenario.words(protected=protected))
            scenario.play(stage)
            lost = stage.lost()
    except Exception as error:  # noqa: BLE001 - shown in the table, and the run fails by it
        failed = f"{type(error).__name__}: {error}"
    decisions = Counter(f"{one.verdict} {one.reason}" for one in stage.told) if stage else Counter[str]()
    notes = tuple(stage.notes) if stage else ()
    seconds = round(CLOCK.monotonic() - started, 1)
    return Outcome(lost=lost, decisions=dict(decisions), notes=notes, seconds=seconds, failed=failed)
