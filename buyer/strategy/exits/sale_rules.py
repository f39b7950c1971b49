"""The rules of a sale: each says whether it passes, and shows what it saw and what it allows. Pure."""

from buyer.strategy.decision_context import ExitContext, Leaving, rule
from buyer.strategy.exits.exit_floor import UNKNOWN_BASIS, floor_price, floor_text, on_grid
from buyer.strategy.exits.exit_triggers import HeldPosition, still_holds
from buyer.strategy.exits.lot_value import Look, look_at
from shared.domain.money import Price, micro_text


@rule(lambda case: (_bid_text(case), floor_text(case.task, _floor(case), case.limits)))
def above_floor(case: Leaving) -> bool:
    """Check that somebody pays the floor; an exit of which no value is known waits for one (pitfall 39)."""
    return case.task.source != UNKNOWN_BASIS and case.best_bid >= _floor(case)


def _floor(case: Leaving) -> Price:
    return on_grid(floor_price(case.task, case.limits), case.tick)


def _bid_text(case: Leaving) -> str:
    """Return the best bid, and what the bids pay for a share of the whole lot."""
    look = _look(case)
    worth = f", the lot is worth {micro_text(look.worth)} a share" if look else ""
    return f"{micro_text(case.best_bid)}{worth}"


@rule(lambda case: (_worth_text(case), case.task.reason))
def trigger_holds(case: ExitContext) -> bool:
    """Check that what set an exit off holds in this very book (pitfall 40)."""
    held, facts = case.balances, case.facts
    opened_at_ms = held.lot.opened_at_ms if held.lot else 0
    position = HeldPosition(held.lot_shares, held.lot_cost, opened_at_ms, facts.ends_at_ms, case.now_ms)
    return still_holds(case.task.reason, position, _look(case), case.limits)


def _look(case: Leaving) -> Look | None:
    return look_at(case.seen_book, case.balances.lot_shares, case.facts, 0)


def _worth_text(case: ExitContext) -> str:
    """Return what the lot is worth, and what it cost."""
    look, held = _look(case), case.balances
    return f"{micro_text(look.worth) if look else 'nothing'} a share, cost {micro_text(held.lot_cost)}"
