"""`hybrid pause`, `flatten`, `kill` and `resume`: controls that every order asks, in the ledger to outlive restarts."""

import getpass
import json
import os
import socket
import uuid
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from redis import Redis

from ops.operator.running_buyers import holding_buyers, waiting_buyers
from shared.clock import Clock
from shared.domain.errors import BadConfig, Unconfirmed
from shared.domain.ledger_accounts import FLATTEN, HALT, HALT_REDEMPTIONS, PAUSE_ALL, PAUSE_BUYS
from shared.domain.ledger_write import LedgerRecord, LedgerWrite, RefusedWrite
from shared.domain.plain_text import make_plain
from shared.domain.trading_controls import (
    ANY,
    CONTROL_LOG,
    CONTROLS,
    NOTES,
    PRICE,
    sells_at_any_price,
    turn_control,
)
from shared.domain.trading_words import MODES
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.events import read_event
from shared.messages.service import ControlTurned

STATES = {HALT: "killed", FLATTEN: "flattening", PAUSE_ALL: "paused", PAUSE_BUYS: "sells-only"}
"""The one word for what is traded while a control is on, the strongest first."""
NAMES = {
    HALT: "kill",
    FLATTEN: "flatten",
    PAUSE_ALL: "pause all",
    PAUSE_BUYS: "pause buys",
    HALT_REDEMPTIONS: "kill redemptions",
}
"""Each control as an operator calls it, the strongest first."""


_acting: ContextVar[str] = ContextVar("acting")


@dataclass(frozen=True)
class TradingControl:
    """A control that is on: who turned it, when (UTC milliseconds) and why."""

    name: str
    who: str
    why: str
    at_ms: int

    @property
    def words(self) -> str:
        """Return it for people."""
        since = datetime.fromtimestamp(self.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
        return make_plain(f"{self.name}: on since {since}, by {self.who or 'somebody'}: {self.why}")


@dataclass(frozen=True)
class ControlActor:
    """Who turns a control when it is not the user of this machine; `act` names the deed, which is done once."""

    who: str
    where: str = ""
    act: str = ""


def kill(redis: Redis, mode: str, why: str, clock: Clock, by: ControlActor | None = None) -> bool:
    """Switch all orders off; return False when they were off already."""
    return _turn(redis, mode, HALT, on=True, why=why, clock=clock, by=by)


def kill_redemptions(redis: Redis, mode: str, why: str, clock: Clock, by: ControlActor | None = None) -> bool:
    """Send no transaction of the redeemer; return False when that was so already."""
    return _turn(redis, mode, HALT_REDEMPTIONS, on=True, why=why, clock=clock, by=by)


def kill_all(redis: Redis, mode: str, why: str, clock: Clock, by: ControlActor | None = None) -> bool:
    """Switch all orders off and send no transaction; return False when both was so already."""
    return any(turn_each(partial(turn, redis, mode, why, clock, by) for turn in (kill, kill_redemptions)))


def pause_buys(redis: Redis, mode: str, why: str, clock: Clock, by: ControlActor | None = None) -> bool:
    """Stop buying; sells and exits go on. Return False when it was stopped already."""
    return _turn(redis, mode, PAUSE_BUYS, on=True, why=why, clock=clock, by=by)


def pause_all(redis: Redis, mode: str, why: str, clock: Clock, by: ControlActor | None = None) -> bool:
    """Send no orders; return False when that was so already."""
    return _turn(redis, mode, PAUSE_ALL, on=True, why=why, clock=clock, by=by)


def flatten(redis: Redis, mode: str, why: str, clock: Clock, by: ControlActor | None = None) -> bool:
    """Stop buying and sell every lot, above its floor; return False when that was under way already."""
    return _turn(redis, mode, FLATTEN, on=True, why=why, clock=clock, by=by)


def flatten_at_any_price(redis: Redis, mode: str, why: str, clock: Clock) -> bool:
    """Do so without a floor, also where all is to be sold already; return False when that was so."""
    said = {PRICE: ANY}
    if _turn(redis, mode, FLATTEN, on=True, why=why, clock=clock, said=said):
        return True
    ledger = RedisLedger(redis, mode)
    if sells_at_any_price(ledger.records(CONTROLS).get(NOTES[FLATTEN])):
        return False
    note = {"state": "on", "who": who(), "why": why, "at_ms": str(clock.now_ms()), **said}
    record = LedgerRecord(CONTROLS, NOTES[FLATTEN], json.dumps(note))
    ledger.commit(LedgerWrite(id=f"control:{FLATTEN}:{uuid.uuid4()}", records=(record,)))
    return True


def resume(redis: Redis, mode: str, why: str, clock: Clock, by: ControlActor | None = None) -> bool:
    """Turn every control off; return False when none was on."""
    turn = partial(_turn, redis, mode, on=False, why=why, clock=clock, by=by)
    return any(turn_each(partial(turn, control) for control in NAMES))


def turn_each(turns: Iterable[Callable[[], bool]]) -> list[bool]:
    """Make every turn, also those behind one that no replica confirms; return which changed something.

    Raises:
        Unconfirmed: of such a one, once all were made.
    """
    turned, doubts = list[bool](), list[Unconfirmed]()
    for turn in turns:
        try:
            turned.append(turn())
        except Unconfirmed as error:
            doubts.append(error)
    if doubts:
        raise doubts[0]
    return turned


def mode_of_buyer(redis: Redis) -> str:
    """Return whose money the buyer that runs now spends.

    Raises:
        BadConfig: nobody can tell, as none runs, or buyers of both.
    """
    modes = [mode for mode in MODES if holding_buyers(redis, mode)]
    modes = modes or [mode for mode in MODES if waiting_buyers(redis, mode, ())]
    if len(modes) != 1:
        found = "buyers run on paper and live" if modes else "no buyer runs"
        raise BadConfig(f"--mode is not given and {found}: say which ledger, --mode paper or --mode live")
    return modes[0]


def active(redis: Redis, mode: str) -> list[TradingControl]:
    """Return the controls that are on, the strongest first."""
    ledger = RedisLedger(redis, mode)
    values, notes = ledger.read(tuple(NAMES)).values, ledger.records(CONTROLS)
    return [_control(name, notes.get(NOTES[account])) for account, name in NAMES.items() if values[account]]


def trading_state(values: Mapping[str, int]) -> str:
    """Return what is traded by a ledger's accounts, in one word: `on` while no control is."""
    return next((word for control, word in STATES.items() if values.get(control)), "on")


def history(redis: Redis, mode: str) -> list[ControlTurned]:
    """Return every turn of a control of this ledger, the oldest first; turns of before they were kept are not there."""
    records = RedisLedger(redis, mode).records(CONTROL_LOG)
    found = (read_event(text) for _, text in sorted(records.items()))
    return [event for event in found if isinstance(event, ControlTurned)]


def _control(name: str, note: str | None) -> TradingControl:
    said: dict[str, str] = json.loads(note) if note else {}
    return TradingControl(name, said.get("who", ""), said.get("why", ""), int(said.get("at_ms", 0)))


def _turn(
    redis: Redis,
    mode: str,
    control: str,
    *,
    on: bool,
    why: str,
    clock: Clock,
    by: ControlActor | None = None,
    said: Mapping[str, str] | None = None,
) -> bool:
    actor = by or ControlActor(who(), where())
    write = turn_control(
        f"control:{control}:{mode}:{actor.act or uuid.uuid4()}",
        on=on,
        who=actor.who,
        where=actor.where,
        why=why,
        now_ms=clock.now_ms(),
        control=control,
        said=said,
        mode=mode,
    )
    return not isinstance(RedisLedger(redis, mode).commit(write), RefusedWrite)


def where() -> str:
    """Name the machine, and from where somebody is logged in there."""
    host, client = socket.gethostname(), os.environ.get("SSH_CONNECTION", "").partition(" ")[0]
    return f"{host} (ssh from {client})" if client else host


@contextmanager
def acting_as(name: str) -> Generator[None]:
    """Let what this thread does meanwhile be done by `name`: of a process that serves several people."""
    token = _acting.set(name)
    try:
        yield
    finally:
        _acting.reset(token)


def who() -> str:
    """Name who acts, else the user; a container's often has no name, which must not keep a control from turning."""
    if named := _acting.get(""):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
