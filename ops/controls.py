"""`hybrid kill` and `hybrid resume`: the switch that every order asks, kept in the ledger so it outlives restarts."""

import getpass
import json
import os
import uuid

from redis import Redis

from shared.clock import Clock
from shared.ledger import RedisLedger
from shared.switch import CONTROLS, SWITCH, turn
from shared.writes import Refused


def kill(redis: Redis, mode: str, why: str, clock: Clock) -> bool:
    """Switch all orders off; return False when they were off already."""
    return _turn(redis, mode, on=True, why=why, clock=clock)


def resume(redis: Redis, mode: str, why: str, clock: Clock) -> bool:
    """Switch orders on again; return False when they were on already."""
    return _turn(redis, mode, on=False, why=why, clock=clock)


def last_turn(redis: Redis, mode: str) -> dict[str, str]:
    """Return who turned the switch last, when and why; empty when nobody did."""
    text = RedisLedger(redis, mode).records(CONTROLS).get(SWITCH)
    return json.loads(text) if text else {}


def _turn(redis: Redis, mode: str, *, on: bool, why: str, clock: Clock) -> bool:
    write = turn(f"kill-switch:{uuid.uuid4()}", on=on, who=_who(), why=why, now_ms=clock.now_ms())
    return not isinstance(RedisLedger(redis, mode).commit(write), Refused)


def _who() -> str:
    """Name the user; a container's user often has no name, which must not keep the switch from turning."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
