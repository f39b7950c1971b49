"""`--redecide`: every decision of a captured session again, each from its own inputs; of live sessions too."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.table import Table

from backtest.history.capture_tape import CaptureTape, read_tape
from backtest.replay.redecide import Redecided, is_adopted, redecide_decision
from buyer.execution.dead_letters import DEAD_LETTER
from shared.capture.capture import Capture
from shared.domain import exit_codes
from shared.domain.errors import BadConfig
from shared.messages.decisions import BuyEngineDecision
from shared.terminal import Terminal

MOST_SHOWN = 5
"""Decisions that differ, and fields of each, that are printed."""


def main(files: Sequence[Path], changed: Mapping[str, object]) -> int:
    """Make each decision of one capture again and print a summary; exit code 1 when one differs or cannot be made.

    Raises:
        BadConfig: more than one file, other limits than those recorded, or no capture of a session.
    """
    if len(files) != 1:
        raise BadConfig(f"--redecide: one capture at a time, got {len(files)} files")
    if changed:
        raise BadConfig(f"--redecide decides by the recorded limits: leave out --set {', '.join(changed)}")
    tape = read_tape(Capture.open(files[0]))
    made = list(redecided(tape))
    _summary(made, adopted=len(tape.decisions) - len(made))
    return exit_codes.CLEAN if all(one.same for one in made) else exit_codes.CRASH


def redecided(tape: CaptureTape) -> Iterable[Redecided]:
    """Yield each decision of a tape made again; fills that were only found on the chain are none."""
    for decision, text in tape.decisions:
        if not is_adopted(decision):
            yield redecide_decision(decision, text, tape.signals, tape.limits)


def _summary(made: Sequence[Redecided], adopted: int) -> None:
    console = Terminal(stderr=True, soft_wrap=True)
    table = Table(title=f"{len(made)} decisions made again", title_justify="left")
    for name in ("mode", "verdict", "reason"):
        table.add_column(name)
    for name in ("count", "same"):
        table.add_column(name, justify="right")
    kinds = Counter(_kind(one.decision) for one in made)
    same = Counter(_kind(one.decision) for one in made if one.same)
    for kind, count in kinds.most_common():
        table.add_row(*kind, str(count), str(same[kind]))
    console.print(table)
    if adopted:
        console.print(f"found on the chain, not decided: {adopted}")
    console.print(f"the same as recorded, byte for byte: {same.total()} of {len(made)}")
    for one in [one for one in made if not one.same][:MOST_SHOWN]:
        _tell(one, console)


def _kind(decision: BuyEngineDecision) -> tuple[str, str, str]:
    buried = decision.reason.startswith(DEAD_LETTER)
    return decision.mode, decision.verdict, DEAD_LETTER.strip(": ") if buried else decision.reason


def _tell(one: Redecided, console: Terminal) -> None:
    decision = one.decision
    name = f"{decision.signal_id} {decision.verdict} {decision.reason}"
    if one.problem:
        console.print(f"  cannot be made again: {name}: {one.problem}")
        return
    console.print(f"  differs: {name}")
    for difference in one.differences[:MOST_SHOWN]:
        console.print(f"    {difference}")
