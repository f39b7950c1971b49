"""The rule that says whose word a buy needs: nothing is bought on what one node alone shows (pitfall 48). Pure."""

from buyer.strategy.decision_context import DecisionContext, rule
from shared.domain.witnesses import is_corroborated


@rule(lambda case: (_told(case), f"the venue, or {case.limits.min_nodes} nodes"))
def corroborated(case: DecisionContext) -> bool:
    """Check who showed the leader's trade: the venue's own feed, or enough nodes.

    A sell passes once its wait for a second word is over (the detector's `CONFIRM_WITHIN_S`): what is held must be got
    rid of even where the venue's feeds are away, and one that never was costs no more than an exit does.
    """
    if case.side == "SELL":
        return True
    return is_corroborated([seen.source for seen in case.signal.seen_by], max(1, case.limits.min_nodes))


def _told(case: DecisionContext) -> str:
    """Return who said it, and who confirmed it after how many milliseconds."""
    seen = case.signal.seen_by
    if not seen:
        return "nobody"
    first, *others = seen
    if others:
        said = (f"{other.source} after {other.seen_at_ms - first.seen_at_ms} ms" for other in others)
        return f"{first.source}, then {', '.join(said)}"
    waited_ms = max(0, case.signal.emitted_at_ms - first.seen_at_ms)
    return f"{first.source}, nobody else in {waited_ms} ms"
