"""The buyer's verdict: `decide(case) -> Decision`, every rule with its value. Pure; never raises on data.

A rule that cannot be evaluated fails, so nothing is bought blind.
"""

from dataclasses import dataclass
from decimal import Decimal

from buyer.case import Case, NotEvaluated
from buyer.rules import RULES, Rule
from shared.errors import Malformed
from shared.events import Order, RuleResult, Verdict, fact_id
from shared.money import from_micro


@dataclass(frozen=True)
class Decision:
    """The verdict; `reason` is the first failed rule, `order` what to send when there is none."""

    verdict: Verdict
    reason: str
    rules: tuple[RuleResult, ...]
    order: Order | None


def decide(case: Case) -> Decision:
    """Judge one signal by every rule of its side."""
    rules = tuple(_judge(name, rule, case) for name, rule in RULES[case.signal.side].items())
    failed = next((rule.rule for rule in rules if not rule.passed), None)
    if failed:
        return Decision("SKIP", failed, rules, None)
    return Decision(case.signal.side, "all rules passed", rules, _order(case))


def refused(decision: Decision, account: str, value: int, limit: int) -> Decision:
    """Return the decision after the ledger refused its intent: a cap or the kill switch moved in between."""
    rule = RuleResult(rule="ledger", passed=False, value=f"{account}={from_micro(value)}", limit=str(from_micro(limit)))
    return Decision("SKIP", "ledger", (*decision.rules, rule), None)


def _judge(name: str, rule: Rule, case: Case) -> RuleResult:
    try:
        passed, value, limit = rule(case)
    except (NotEvaluated, ArithmeticError, ValueError, Malformed) as error:
        return RuleResult(rule=name, passed=False, value=f"cannot be evaluated: {error}")
    return RuleResult(rule=name, passed=passed, value=_text(value), limit=_text(limit))


def _order(case: Case) -> Order:
    signal, size = case.signal, case.size
    return Order(
        id=fact_id("order", signal.id),
        signal_id=signal.id,
        token_id=signal.token_id,
        condition_id=case.facts.condition_id,
        leader=signal.leader,
        side=signal.side,
        shares=size.shares,
        limit_price=case.limit,
        budget=from_micro(size.budget),
    )


def _text(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
