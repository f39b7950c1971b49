"""What sets an exit off by itself, and whether it still holds: judged by the whole lot, never by one look. Pure.

A stop is asked of what the bids pay for the lot, the rest of it at the last bid seen; a gain only of what they pay, so
that a bid of five shares makes none. Each must hold over several looks and a stated time, and again in the book that an
attempt would sell to (`TRIGGER`): else the exit is withdrawn.
"""

from collections.abc import Callable, Mapping
from functools import partial

from msgspec import Struct

from buyer.strategy.exits.lot_value import Look, LotHistory
from buyer.strategy.limits import HUNDRED_PCT, TradingLimits
from shared.domain.money import MICRO
from shared.messages.decisions import ExitReason

TRIGGER = "trigger_holds"
"""The rule that withdraws an exit whose reason is gone."""


class HeldPosition(Struct, frozen=True, gc=False):
    """A lot as its triggers see it: shares and cost in micro-units, since when it is held, when its market ends."""

    shares: int
    cost: int
    opened_at_ms: int
    ends_at_ms: int | None
    now_ms: int


Trigger = Callable[[HeldPosition, TradingLimits, Look], bool]


def _loses(lot: HeldPosition, limits: TradingLimits, look: Look) -> bool:
    most = lot.cost * MICRO * (HUNDRED_PCT - limits.stop_loss_pct)
    return bool(limits.stop_loss_pct) and lot.cost > 0 and look.worth * lot.shares * HUNDRED_PCT <= most


def _gains(lot: HeldPosition, limits: TradingLimits, look: Look) -> bool:
    least = lot.cost * MICRO * (HUNDRED_PCT + limits.take_profit_pct)
    return bool(limits.take_profit_pct) and lot.cost > 0 and look.paid * lot.shares * HUNDRED_PCT >= least


def _ends(lot: HeldPosition, limits: TradingLimits, look: Look) -> bool:
    del look
    ends_at_ms = lot.ends_at_ms
    return bool(limits.exit_before_end_s) and ends_at_ms is not None and _within(ends_at_ms - lot.now_ms, limits)


def _within(left_ms: int, limits: TradingLimits) -> bool:
    return left_ms <= limits.exit_before_end_s * 1000


def _owned_too_long(lot: HeldPosition, limits: TradingLimits, look: Look) -> bool:
    del look
    return bool(limits.max_hold_s and lot.opened_at_ms) and lot.now_ms - lot.opened_at_ms >= limits.max_hold_s * 1000


TRIGGERS: Mapping[ExitReason, Trigger] = {
    "stop_loss": _loses,
    "take_profit": _gains,
    "market_ends": _ends,
    "time_stop": _owned_too_long,
}
"""What sets off an exit by itself; the first that fires names it."""


def fired(lot: HeldPosition, seen: LotHistory, limits: TradingLimits) -> ExitReason | None:
    """Return the first trigger that held at the last looks, as many and as long as is asked for."""
    for reason, trigger in TRIGGERS.items():
        if seen.stands(partial(trigger, lot, limits), limits.trigger_looks, limits.trigger_s):
            return reason
    return None


def would_fire(lot: HeldPosition, look: Look, limits: TradingLimits) -> ExitReason | None:
    """Return the first trigger that one look alone would set off."""
    return next((reason for reason, trigger in TRIGGERS.items() if trigger(lot, limits, look)), None)


def suspects(lot: HeldPosition, seen: LotHistory, limits: TradingLimits) -> bool:
    """Say whether the last look alone would fire: the next one should come soon."""
    return bool(seen.looks) and would_fire(lot, seen.looks[-1], limits) is not None


def still_holds(reason: ExitReason, lot: HeldPosition, look: Look | None, limits: TradingLimits) -> bool:
    """Say whether what set an exit off holds in this look; a leader's sell and flatten always do."""
    trigger = TRIGGERS.get(reason)
    return trigger is None or look is None or trigger(lot, limits, look)
