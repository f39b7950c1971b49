"""The rules of a sale: each says whether it passes, and shows what it saw and what it allows. Pure."""

from buyer.strategy.decision_context import Leaving, rule
from buyer.strategy.exits.exit_floor import UNKNOWN_BASIS, floor_price, floor_text, on_grid
from buyer.strategy.exits.lot_value import look_at
from shared.domain.money import Price, micro_text


@rule(lambda case: (_bid_text(case), floor_text(case.task, _floor(case), case.limits)))
def above_floor(case: Leaving) -> bool:
    """Check that somebody pays the floor; an exit of which no value is known waits for one (pitfall 39)."""
    return case.task.source != UNKNOWN_BASIS and case.best_bid >= _floor(case)


def _floor(case: Leaving) -> Price:
    return on_grid(floor_price(case.task, case.limits), case.tick)


def _bid_text(case: Leaving) -> str:
    """Return the best bid, and what the bids pay for a share of the whole lot."""
    look = look_at(case.seen_book, case.balances.lot_shares, case.facts, 0)
    worth = f", the lot is worth {micro_text(look.worth)} a share" if look else ""
    return f"{micro_text(case.best_bid)}{worth}"
