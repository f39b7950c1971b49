"""The operator's controls as steps of the ledger: each is on for as long as its account is 1. Pure.

| control | what it stops |
|---|---|
| `pause_buys` | buys; sells and exits go on |
| `pause_all` | every order |
| `flatten` | buys; and every lot is sold |
| `halt` (the kill switch) | every order; none rests at the venue (all are FAK), so there is nothing to cancel |

| `halt_redemptions` | every transaction of the redeemer; what was sent before may still be mined, and is booked |

Each order's intent, and each transaction before it is stored, is guarded by them in its own step: one turned on
a millisecond earlier still counts. Each turn is an event on `hs:service` and a record of the ledger, in the same step.
"""

import json
from collections.abc import Mapping
from typing import Literal

from shared.domain.ledger_accounts import FLATTEN, HALT, HALT_REDEMPTIONS, PAUSE_ALL, PAUSE_BUYS
from shared.domain.ledger_write import BalanceGuard, FencingToken, LedgerRecord, LedgerWrite
from shared.messages.base import SERVICE, fact_id
from shared.messages.service import ControlTurned
from shared.messages.value_codec import write_value

CONTROLS = "controls"
"""The kind of record that holds who turned each control last, when and why."""
SWITCH = "kill_switch"
HALTED = "redemptions are switched off: `hybrid controls` says by whom, `hybrid resume` lifts it"
CONTROL_LOG = "control_log"
"""The kind of record that holds every turn: its time and id, and the event's JSON."""
NOTES = {
    HALT: SWITCH,
    PAUSE_ALL: PAUSE_ALL,
    PAUSE_BUYS: PAUSE_BUYS,
    FLATTEN: FLATTEN,
    HALT_REDEMPTIONS: HALT_REDEMPTIONS,
}
"""Each control's account, and the field of its record."""
STOPS: dict[Literal["BUY", "SELL"], tuple[str, ...]] = {
    "BUY": (HALT, PAUSE_ALL, PAUSE_BUYS, FLATTEN),
    "SELL": (HALT, PAUSE_ALL),
}
"""Which controls keep an order of each side from being sent."""


PRICE, ANY = "price", "any"
"""The word in the record of `flatten` that lifts the floor of every exit."""


def sells_at_any_price(note: str | None) -> bool:
    """Say whether the record of `flatten` holds the word that lifts the floors."""
    return bool(note) and json.loads(note or "{}").get(PRICE) == ANY


def turn_control(
    write_id: str,
    *,
    on: bool,
    who: str,
    why: str,
    now_ms: int,
    where: str = "",
    fence: FencingToken | None = None,
    control: str = HALT,
    said: Mapping[str, str] | None = None,
    mode: str | None = None,
) -> LedgerWrite:
    """Return the step that turns a control; the ledger refuses one that changes nothing. `said` joins its record."""
    before, after = ("off", "on") if on else ("on", "off")
    event = ControlTurned(
        id=fact_id("CONTROL_TURNED", write_id),
        emitted_at_ms=now_ms,
        control=control,
        who=who,
        where=where,
        why=why,
        before=before,
        after=after,
        mode=mode,
    )
    note = {"state": "on" if on else "off", "who": who, "why": why, "at_ms": str(now_ms), **(said or {})}
    return LedgerWrite(
        id=write_id,
        postings=((control, 1 if on else -1),),
        guards=(BalanceGuard(control, at_least=0, at_most=1),),
        records=(
            LedgerRecord(CONTROLS, NOTES[control], json.dumps(note)),
            LedgerRecord(CONTROL_LOG, f"{now_ms:013d}:{event.id[:16]}", write_value(event)),
        ),
        events=((SERVICE, event),),
        fence=fence,
    )
