"""Which decisions a page shows: by leader, verdict, rule, time and text."""

from datetime import UTC, datetime
from typing import Literal, cast, get_args

from shared.domain.errors import BadConfig
from shared.domain.value import Value
from shared.messages.decisions import BuyEngineDecision

Verdict = Literal["", "BUY", "SELL", "SKIP"]
_MOST_TEXT = 200


class DecisionFilter(Value, frozen=True, kw_only=True):
    """What was asked for; '' and 0 ask for everything. `text` is looked for in title, outcome, reason and ids."""

    leader: str = ""
    verdict: Verdict = ""
    rule: str = ""
    text: str = ""
    from_ms: int = 0
    to_ms: int = 0

    def takes(self, decision: BuyEngineDecision) -> bool:
        """Say whether a decision is asked for."""
        return (
            (not self.verdict or decision.verdict == self.verdict)
            and (not self.leader or decision.leader.startswith(self.leader))
            and (not self.rule or decision.reason.partition(":")[0] == self.rule)
            and (not self.to_ms or decision.emitted_at_ms <= self.to_ms)
            and (not self.text or self.text in _searched(decision))
        )


def read_filter(leader: str, verdict: str, rule: str, text: str, since: str, until: str) -> DecisionFilter:
    """Return the filter of a query.

    Raises:
        BadConfig: a verdict or a time that is none.
    """
    wanted = verdict.strip().upper()
    if wanted not in get_args(Verdict):
        raise BadConfig(f"verdict {verdict}: give BUY, SELL or SKIP, or nothing")
    return DecisionFilter(
        leader=leader.strip().lower()[:_MOST_TEXT],
        verdict=cast("Verdict", wanted),
        rule=rule.strip()[:_MOST_TEXT],
        text=text.strip().lower()[:_MOST_TEXT],
        from_ms=_moment("from", since),
        to_ms=_moment("to", until),
    )


def _moment(name: str, text: str) -> int:
    """Return a time of UTC as a form writes it; 0 of none."""
    if not text.strip():
        return 0
    try:
        at = datetime.fromisoformat(text.strip())
        return round(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise BadConfig(f"{name} {text}: no time; give 2026-01-31T12:00 (UTC)") from error


def _searched(decision: BuyEngineDecision) -> str:
    market = decision.inputs.market
    words = (market.title, market.outcome) if market else ()
    return " ".join((*words, decision.reason, decision.signal_id, decision.token_id, decision.id)).lower()
