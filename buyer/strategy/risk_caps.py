"""The caps on what may be at risk, open orders counted, and the controls that stop buying. Pure.

The ledger asks the caps again in the step that sends an order (`portfolio.guards`).
"""

from buyer.strategy.decision_context import DecisionContext
from buyer.strategy.rule import NotEvaluated, Shown, rule
from shared.domain.money import micro_text, sum_text

_Buy = DecisionContext


@rule(lambda case: ((case.balances.market_exposure, case.size.budget), case.limits.max_market_usdc))
def market_cap(case: _Buy) -> bool:
    """Check the market's cap."""
    return case.balances.market_exposure + case.size.budget <= case.limits.max_market_usdc


@rule(lambda case: ((case.balances.event_exposure, case.size.budget), case.limits.max_event_usdc))
def event_cap(case: _Buy) -> bool:
    """Check the event's cap; its id is known, or nothing is bought: without it no cap could count the cost."""
    held = case.balances
    if not case.facts.event_id or (held.lot_shares > 0 and not (held.lot and held.lot.event_id)):
        raise NotEvaluated("the market's event is not known")
    return held.event_exposure + case.size.budget <= case.limits.max_event_usdc


@rule(
    lambda case: (
        (case.balances.group_exposure, case.size.budget) if case.facts.neg_risk else "no neg-risk event",
        case.limits.max_group_usdc,
    )
)
def group_cap(case: _Buy) -> bool:
    """Check the neg-risk event's cap, if the market is of one."""
    return not case.facts.neg_risk or (case.balances.group_exposure + case.size.budget <= case.limits.max_group_usdc)


@rule(lambda case: ((case.balances.leader_exposure, case.size.budget), case.limits.max_leader_usdc))
def leader_cap(case: _Buy) -> bool:
    """Check the leader's cap."""
    return case.balances.leader_exposure + case.size.budget <= case.limits.max_leader_usdc


@rule(lambda case: ((case.balances.spent_today, case.size.budget), case.limits.max_day_usdc))
def day_cap(case: _Buy) -> bool:
    """Check the day's cap."""
    return case.balances.spent_today + case.size.budget <= case.limits.max_day_usdc


@rule(lambda case: ((case.balances.total_exposure, case.size.budget), case.limits.max_total_usdc))
def total_cap(case: _Buy) -> bool:
    """Check the cap over everything."""
    return case.balances.total_exposure + case.size.budget <= case.limits.max_total_usdc


@rule(lambda case: (case.balances.cash, case.size.budget))
def check_cash(case: _Buy) -> bool:
    """Check that the budget is there."""
    return case.balances.cash >= case.size.budget


@rule(lambda case: (_with_open(-case.balances.realized_today, _open(case)), case.limits.max_day_loss_usdc))
def day_loss(case: _Buy) -> bool:
    """Check what was realized today, and what open lots stand below their cost, whenever that arose (pitfall 47).

    A stop at 100 lets nothing be bought from a loss of 100 on.
    """
    return -case.balances.realized_today + (_open(case) or 0) < case.limits.max_day_loss_usdc


@rule(lambda case: (_with_open(_fallen(case), _opens(case)), case.limits.max_drawdown_usdc))
def check_drawdown(case: _Buy) -> bool:
    """Check how far the leader's result fell from its best, with what his open lots stand below their cost."""
    return _fallen(case) + (_opens(case) or 0) < case.limits.max_drawdown_usdc


def _fallen(case: _Buy) -> int:
    return case.balances.leader_peak - case.balances.leader_realized


def _open(case: _Buy) -> int | None:
    """Return what open lots have lost; None where only what is realized counts."""
    return case.lost.total if case.limits.mark_losses else None


def _opens(case: _Buy) -> int | None:
    return case.lost.leader if case.limits.mark_losses else None


def _with_open(realized: int, open_loss: int | None) -> Shown:
    """Show a loss; beside what was realized of it what is still open."""
    return realized if open_loss is None else f"{sum_text(realized, open_loss)}, {micro_text(open_loss)} of it open"


@rule(lambda case: (str(_sent(case)), str(case.limits.max_orders_per_minute)))
def order_rate(case: _Buy) -> bool:
    """Check this minute's buys."""
    return _sent(case) < case.limits.max_orders_per_minute


def _sent(case: _Buy) -> int:
    return case.balances.orders_sent if case.balances.minute >= case.now_ms // 60_000 else 0
