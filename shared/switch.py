"""The kill switch as a step of the ledger: on for as long as `halt` is 1, with who turned it, when and why. Pure."""

import json

from shared.accounts import HALT
from shared.writes import Fence, Guard, Record, Write

CONTROLS = "controls"
SWITCH = "kill_switch"


def turn(write_id: str, *, on: bool, who: str, why: str, now_ms: int, fence: Fence | None = None) -> Write:
    """Return the step that turns the switch; the ledger refuses one that changes nothing."""
    note = {"state": "on" if on else "off", "who": who, "why": why, "at_ms": str(now_ms)}
    return Write(
        id=write_id,
        postings=((HALT, 1 if on else -1),),
        guards=(Guard(HALT, at_least=0, at_most=1),),
        records=(Record(CONTROLS, SWITCH, json.dumps(note)),),
        fence=fence,
    )
