"""`hybrid controls`: every turn of a control, as people and programs read it."""

import json
from collections.abc import Iterator, Sequence

from redis import Redis

from ops.operator.account.row_output import csv_text
from ops.operator.controls import NAMES, history
from ops.operator.pipeline_server import moment
from shared.domain.plain_text import make_plain
from shared.messages.service import ControlTurned

FIELDS = ("at_ms", "mode", "control", "who", "where", "why", "before", "after")
"""What is told of a turn, in order."""


def lines(redis: Redis, modes: Sequence[str], *, as_json: bool, as_csv: bool = False) -> Iterator[str]:
    """Yield a line for each turn, the oldest first; as JSON one object a line, as CSV a head before them."""
    found = sorted(((mode, turn) for mode in modes for turn in history(redis, mode)), key=_age)
    if as_csv:
        yield csv_text([_facts(mode, turn) for mode, turn in found], FIELDS).rstrip("\n")
        return
    for mode, turn in found:
        yield json.dumps(_facts(mode, turn)) if as_json else _sentence(mode, turn)
    if not found and not as_json:
        yield "no control was turned here"


def _age(found: tuple[str, ControlTurned]) -> int:
    return found[1].emitted_at_ms


def _sentence(mode: str, turn: ControlTurned) -> str:
    name = NAMES.get(turn.control, turn.control)
    by = f"{turn.who} on {turn.where}" if turn.where else turn.who
    return make_plain(
        f"{moment(turn.emitted_at_ms)}  {mode} {name}: {turn.before} -> {turn.after}, by {by}: {turn.why}"
    )


def _facts(mode: str, turn: ControlTurned) -> dict[str, str | int]:
    return {
        "at_ms": turn.emitted_at_ms,
        "mode": mode,
        "control": NAMES.get(turn.control, turn.control),
        "who": turn.who,
        "where": turn.where,
        "why": turn.why,
        "before": turn.before,
        "after": turn.after,
    }
