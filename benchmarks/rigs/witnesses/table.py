"""The table of clients and calls: runs each driver on a venue of its own and judges what came of every call."""

import json
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.rigs.witnesses.environments import ROOT, Witness
from benchmarks.rigs.witnesses.reasons import judged
from benchmarks.rigs.witnesses.world import witnessed_world

OUTCOMES = ("ok", "differs", "client wrong", "not offered")
_PATIENCE_S = 240


@dataclass(frozen=True)
class Row:
    """One call of a client and what it came to."""

    client: str
    call: str
    outcome: str
    why: str = ""


@dataclass(frozen=True)
class Statement:
    """All that one client said, or why it said nothing."""

    witness: Witness
    rows: list[Row] = field(default_factory=list["Row"])
    missing: str = ""

    def counts(self) -> Counter[str]:
        """Return how many calls came to what."""
        return Counter(row.outcome for row in self.rows)


class DriverFailed(Exception):
    """A driver ended without its record: the program is broken, not the venue."""


def heard(witness: Witness) -> Statement:
    """Let one client try all it knows; raise DriverFailed where its driver breaks."""
    if witness.command() is None:
        return Statement(witness, missing=witness.missing)
    if witness.node:
        shutil.copy(ROOT / "benchmarks" / "rigs" / "witnesses" / witness.driver, witness.home)
    with witnessed_world(orders=witness.orders) as (_, facts):
        record = spoken(witness, json.dumps(facts))
    return Statement(
        witness,
        [Row(witness.title, said["call"], *judged(witness.title, said["call"], said["fault"])) for said in record],
    )


def spoken(witness: Witness, facts: str) -> list[dict[str, str]]:
    """Run a driver on a world's facts and return its record."""
    command = witness.command() or []
    ended = subprocess.run(
        command, input=facts, capture_output=True, text=True, check=False, cwd=ROOT, timeout=_PATIENCE_S
    )
    lines = ended.stdout.splitlines()
    if ended.returncode or not lines:
        raise DriverFailed(f"{witness.title} ended with {ended.returncode}:\n{ended.stderr[-2000:]}")
    return json.loads(lines[-1])
