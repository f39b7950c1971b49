"""The rules of a sale: each says whether it passes, and shows what it saw and what it allows. Pure."""

from buyer.strategy.decision_context import DecisionContext, ExitContext, Leaving
from buyer.strategy.exits.exit_floor import UNKNOWN_BASIS, floor_price, floor_text, on_grid
from buyer.strategy.exits.exit_triggers import HeldPosition, still_holds
from buyer.strategy.exits.lot_value import Look, look_at
from buyer.strategy.exits.mirrored_sales import is_small, sold_part
from buyer.strategy.rule import rule
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


@rule(lambda case: (_part_text(case), f"{micro_text(case.limits.min_leader_sell_pct)}%"))
def sells_enough(case: DecisionContext) -> bool:
    """Check that a leader sold more than dust of what he holds; what is less adds up (pitfalls 43 and 46)."""
    return not is_small(case.signal, case.balances, case.limits)


def _part_text(case: DecisionContext) -> str:
    part = sold_part(case.signal, case.balances)
    return f"{micro_text(part.sold)} of {micro_text(part.of)}, {part.pct * 100 // 1_000_000 / 100:g}%"


@rule(lambda case: (_lag_text(case), "no later sale"))
def not_sold_later(case: DecisionContext) -> bool:
    """Check that no sale of the leader's is known that came after this buy, whichever was told first (pitfall 45).

    Block times are whole seconds: what is of the same one counts in the order in which it was told.
    """
    sales = case.balances.sales
    return sales is None or sales.since_ms <= case.signal.traded_at_ms


def _lag_text(case: DecisionContext) -> str:
    sales = case.balances.sales
    if sales is None or sales.since_ms <= case.signal.traded_at_ms:
        return "none known"
    return f"sold {micro_text((sales.since_ms - case.signal.traded_at_ms) * 1000)} s later"


def _look(case: Leaving) -> Look | None:
    return look_at(case.seen_book, case.balances.lot_shares, case.facts, 0)


def _worth_text(case: ExitContext) -> str:
    """Return what the lot is worth, and what it cost."""
    look, held = _look(case), case.balances
    return f"{micro_text(look.worth) if look else 'nothing'} a share, cost {micro_text(held.lot_cost)}"
