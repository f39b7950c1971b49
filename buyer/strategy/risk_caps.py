"""The caps on what may be at risk, open orders counted, and the controls that stop buying. Pure.

The ledger asks the caps again in the step that sends an order (`portfolio.guards`).
"""

from buyer.strategy.decision_context import DecisionContext, Judged, NotEvaluated
from shared.domain.money import Usdc, sum_text


def market_cap(case: DecisionContext) -> Judged:
    """Check the market's cap."""
    return _below(case.balances.market_exposure, case.budget, case.limits.max_market_usdc)


def event_cap(case: DecisionContext) -> Judged:
    """Check the event's cap; its id is known, or nothing is bought: without it no cap could count the cost."""
    if not case.facts.event_id or (
        case.balances.lot_shares > 0 and not (case.balances.lot and case.balances.lot.event_id)
    ):
        raise NotEvaluated("the market's event is not known")
    return _below(case.balances.event_exposure, case.budget, case.limits.max_event_usdc)


def group_cap(case: DecisionContext) -> Judged:
    """Check the neg-risk event's cap, if the market is of one."""
    if not case.facts.neg_risk:
        return True, "no neg-risk event", case.limits.max_group_usdc
    return _below(case.balances.group_exposure, case.budget, case.limits.max_group_usdc)


def leader_cap(case: DecisionContext) -> Judged:
    """Check the leader's cap."""
    return _below(case.balances.leader_exposure, case.budget, case.limits.max_leader_usdc)


def day_cap(case: DecisionContext) -> Judged:
    """Check the day's cap."""
    return _below(case.balances.spent_today, case.budget, case.limits.max_day_usdc)


def total_cap(case: DecisionContext) -> Judged:
    """Check the cap over everything."""
    return _below(case.balances.total_exposure, case.budget, case.limits.max_total_usdc)


def _below(at_risk: Usdc, budget: Usdc, cap: Usdc) -> Judged:
    return at_risk + budget <= cap, lambda: sum_text(at_risk, budget), cap


def check_cash(case: DecisionContext) -> Judged:
    """Check that the budget is there."""
    return case.balances.cash >= case.budget, case.balances.cash, case.budget


def day_loss(case: DecisionContext) -> Judged:
    """Check what was realized today; a stop at 100 lets nothing be bought from a loss of 100 on."""
    lost = -case.balances.realized_today
    return lost < case.limits.max_day_loss_usdc, lost, case.limits.max_day_loss_usdc


def check_drawdown(case: DecisionContext) -> Judged:
    """Check how far the leader's result fell from its best."""
    peak, now = case.balances.leader_peak, case.balances.leader_realized
    return peak - now < case.limits.max_drawdown_usdc, lambda: sum_text(peak, -now), case.limits.max_drawdown_usdc


def order_rate(case: DecisionContext) -> Judged:
    """Check this minute's buys."""
    held = case.balances
    sent = held.orders_sent if held.minute >= case.now_ms // 60_000 else 0
    most = case.limits.max_orders_per_minute
    return sent < most, lambda: str(sent), lambda: str(most)
