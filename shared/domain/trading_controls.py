"""The operator's controls as steps of the ledger: each is on for as long as its account is 1. Pure.

| control | what it stops |
|---|---|
| `pause_buys` | buys; sells and exits go on |
| `pause_all` | every order |
| `flatten` | buys; and every lot is sold |
| `halt` (the kill switch) | every order; none rests at the venue (all are FAK), so there is nothing to cancel |

Each order's intent is guarded by them in its own step, so a control turned on a millisecond earlier still counts.
"""

import json
from collections.abc import Mapping
from typing import Literal

from shared.domain.ledger_accounts import FLATTEN, HALT, PAUSE_ALL, PAUSE_BUYS
from shared.domain.ledger_write import BalanceGuard, FencingToken, LedgerRecord, LedgerWrite

CONTROLS = "controls"
"""The kind of record that holds who turned each control last, when and why."""
SWITCH = "kill_switch"
NOTES = {HALT: SWITCH, PAUSE_ALL: PAUSE_ALL, PAUSE_BUYS: PAUSE_BUYS, FLATTEN: FLATTEN}
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
    fence: FencingToken | None = None,
    control: str = HALT,
    said: Mapping[str, str] | None = None,
) -> LedgerWrite:
    """Return the step that turns a control; the ledger refuses one that changes nothing. `said` joins its record."""
    note = {"state": "on" if on else "off", "who": who, "why": why, "at_ms": str(now_ms), **(said or {})}
    return LedgerWrite(
        id=write_id,
        postings=((control, 1 if on else -1),),
        guards=(BalanceGuard(control, at_least=0, at_most=1),),
        records=(LedgerRecord(CONTROLS, NOTES[control], json.dumps(note)),),
        fence=fence,
    )
