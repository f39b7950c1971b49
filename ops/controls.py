"""`hybrid kill` and `hybrid resume`: the switch that every order asks, kept in the ledger so it outlives restarts."""

import getpass
import json
import uuid

from redis import Redis

from shared.accounts import HALT
from shared.clock import Clock
from shared.ledger import RedisLedger
from shared.writes import Guard, Record, Refused, Write

SWITCH = "kill_switch"


def kill(redis: Redis, mode: str, why: str, clock: Clock) -> bool:
    """Switch all orders off; return False when they were off already."""
    return _turn(redis, mode, 1, why, clock)


def resume(redis: Redis, mode: str, why: str, clock: Clock) -> bool:
    """Switch orders on again; return False when they were on already."""
    return _turn(redis, mode, -1, why, clock)


def last_turn(redis: Redis, mode: str) -> dict[str, str]:
    """Return who turned the switch last, when and why; empty when nobody did."""
    text = RedisLedger(redis, mode).records("controls").get(SWITCH)
    return json.loads(text) if text else {}


def _turn(redis: Redis, mode: str, delta: int, why: str, clock: Clock) -> bool:
    note = {"state": "on" if delta > 0 else "off", "who": getpass.getuser(), "why": why, "at_ms": str(clock.now_ms())}
    result = RedisLedger(redis, mode).commit(
        Write(
            id=f"kill-switch:{uuid.uuid4()}",
            postings=((HALT, delta),),
            guards=(Guard(HALT, at_least=0, at_most=1),),
            records=(Record("controls", SWITCH, json.dumps(note)),),
        )
    )
    return not isinstance(result, Refused)
