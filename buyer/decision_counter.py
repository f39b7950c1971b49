"""Counts of one shard's decisions, by verdict and by the reason of a skip."""

from collections import Counter

from shared import logs, metrics
from shared.messages.decisions import BuyEngineDecision


class DecisionCounter:
    """Counts each decision once it stands, and logs it."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._total = metrics.make_counter("decisions_total", "Decisions, by verdict and outcome.", "verdict", "state")
        self._skips = metrics.make_counter("skips_total", "Decisions not to follow, by the rule that failed.", "rule")
        self._log = logs.get_logger("buyer").bind()  # made once: an unbound one is made for each line

    def count(self, decision: BuyEngineDecision) -> None:
        """Count a decision."""
        kind = decision.reason.partition(":")[0]
        state = decision.outcome.state if decision.outcome else None
        self.counts[decision.verdict if decision.verdict != "SKIP" else f"SKIP {kind}"] += 1
        self._total.labels(decision.verdict, state or "none").inc()
        if decision.verdict == "SKIP":
            self._skips.labels(kind).inc()
        self._log.info(
            "decided",
            signal_id=decision.signal_id,
            verdict=decision.verdict,
            reason=decision.reason,
            state=state,
        )
