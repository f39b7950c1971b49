"""Counts of one shard's decisions, by verdict and by the reason of a skip."""

from collections import Counter
from functools import lru_cache

from shared import logs, metrics
from shared.domain.money import cost_micro, micro_text, price_of
from shared.messages.decisions import BuyEngineDecision, Trade


class DecisionCounter:
    """Counts each decision once it stands, and logs it."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._total = metrics.make_counter("decisions_total", "Decisions, by verdict and outcome.", "verdict", "state")
        self._skips = metrics.make_counter("skips_total", "Decisions not to follow, by the rule that failed.", "rule")
        self._counted = lru_cache(maxsize=64)(self._total.labels)
        self._log = logs.get_logger("buyer").bind()  # made once: an unbound one is made for each line

    def count(self, decision: BuyEngineDecision) -> None:
        """Count a decision."""
        kind = decision.reason.partition(":")[0]
        state = decision.outcome.state if decision.outcome else None
        self.counts[decision.verdict if decision.verdict != "SKIP" else f"SKIP {kind}"] += 1
        self._counted(decision.verdict, state or "none").inc()
        if decision.verdict == "SKIP":
            self._skips.labels(kind).inc()
        self._log.info(
            "decided",
            signal_id=decision.signal_id,
            verdict=decision.verdict,
            reason=decision.reason,
            state=state,
            **decision_names(decision),
        )


def decision_names(decision: BuyEngineDecision) -> dict[str, str]:
    """Return what a line on a decision names: leader, market, outcome, and the price and amount that it is about.

    Those of the fill; where nothing filled, of our order; without one, of the leader's trade.
    """
    market, found = decision.inputs.market, _about(decision)
    return {
        "leader": decision.leader,
        "market": market.title if market else "",
        "outcome": market.outcome if market else "",
        "price": micro_text(found.price) if found else "",
        "shares": micro_text(found.shares) if found else "",
        "amount": micro_text(found.usdc) if found else "",
    }


def _about(decision: BuyEngineDecision) -> Trade | None:
    filled, order = decision.outcome, decision.order
    if filled is not None and filled.shares:
        return Trade(usdc=filled.usdc, shares=filled.shares, price=price_of(filled.usdc, filled.shares))
    if order is not None:
        worth = cost_micro(order.shares, order.limit_price)
        return Trade(usdc=worth, shares=order.shares, price=order.limit_price)
    return decision.trade
