"""One run of a scenario, in a process of its own, and what came of it."""

import os
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from benchmarks.rigs.adversary import scenarios
from benchmarks.rigs.adversary.stage import Stage
from benchmarks.rigs.order_rig import CLOCK, trading
from shared.domain.money import micro_text
from shared.messages.decisions import BuyEngineDecision

MOST_TOLD = 40
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
    told: tuple[str, ...]
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
    told = tuple(map(_line, stage.told[:MOST_TOLD])) if stage else ()
    notes = tuple(stage.notes) if stage else ()
    seconds = round(CLOCK.monotonic() - started, 1)
    return Outcome(lost=lost, decisions=dict(decisions), told=told, notes=notes, seconds=seconds, failed=failed)


def _line(one: BuyEngineDecision) -> str:
    """Return a decision as the report keeps it."""
    ordered = (
        one.outcome and f"{one.outcome.state}, {micro_text(one.outcome.shares)} for {micro_text(one.outcome.usdc)}"
    )
    return f"{one.inputs.now_ms} {one.verdict} {one.reason}: {ordered or 'no order'}"
