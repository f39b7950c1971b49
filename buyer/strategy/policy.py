"""The buyer's verdict: `decide_signal(case) -> PolicyDecision`, every rule with its value. Pure; never raises on data.

A rule that cannot be evaluated fails, so nothing is bought blind.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, cast

from msgspec import Struct

from buyer.strategy.cached_value import cached_property
from buyer.strategy.decision_context import ContextBase, DecisionContext, ExitContext, Traded
from buyer.strategy.exit_policy import DUST, order_fact
from buyer.strategy.exits.mirrored_sales import SMALL_SALE
from buyer.strategy.rule import UNKNOWN, Shown, why_unknown
from buyer.strategy.rule_table import OPENS_EXIT, TOO_SMALL, RuleSet, exit_rules, rules_of
from buyer.strategy.signal_filters import trade_text
from buyer.strategy.sizing import is_cut, is_told_again
from shared.domain.ledger_accounts import COUNTS
from shared.domain.money import Shares, Usdc, half_even, micro_text, sum_text
from shared.messages.base import fact_id
from shared.messages.decisions import ExitTask, Gathered, LeaderSales, Order, RuleResult, Trade, Verdict

GATHERED = "gathered"
"""The reason of a trade that is too small to follow and was added to those before it."""
PASSED = "all rules passed"


class Rulings(Sequence[RuleResult]):
    """What the rules say of a case: for a verdict as many are asked as it needs; each tells its texts to a reader.

    What they look at is reckoned once, by the case.
    """

    def __init__(self, rules: RuleSet, case: ContextBase) -> None:
        self._rules, self._case = rules, case
        self._failed: list[str] | None = None

    def failed(self, settles: Callable[[str], bool]) -> list[str]:
        """Return the rules that fail, up to one that settles the matter."""
        case, judged = self._case, self._rules.judged
        found: list[str] = []  # not `list[str]()`, which takes as long as ten rules
        for passes in judged:
            try:
                if passes(case):
                    continue
            except UNKNOWN as error:
                why_unknown(error)
            found.append(judged[passes])
            if settles(found[-1]):
                break
        self._failed = found
        return found

    def __len__(self) -> int:
        return len(self._rules)

    def __iter__(self) -> Iterator[RuleResult]:
        return iter(self._results)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 - one, or a slice
        return cast("Any", self._results)[place]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._results == tuple(cast("Sequence[object]", other))

    def __hash__(self) -> int:
        return hash(self._results)

    @cached_property
    def _results(self) -> tuple[RuleResult, ...]:
        """Ask what was not asked yet: the first rules are known to pass."""
        case, failed, names = self._case, self._failed, list(self._rules)
        known = 0 if failed is None else names.index(failed[0]) if failed else len(names)
        results: list[RuleResult] = []
        for place, (name, (passes, shows, _)) in enumerate(self._rules.items()):
            try:
                passed = place < known or passes(case)
                value, limit = shows(case)
            except UNKNOWN as error:
                unknown = f"cannot be evaluated: {why_unknown(error)}"
                results.append(RuleResult(rule=name, passed=False, value=unknown))
            else:
                results.append(_told(name, passed, value, limit))
        return tuple(results)


@lru_cache(maxsize=1024)
def _told(name: str, passed: bool, value: Shown, limit: Shown) -> RuleResult:  # noqa: FBT001 - a cache takes them by place
    """Return what a reader is told; most rules see the same, signal after signal."""
    return RuleResult(rule=name, passed=passed, value=_text(value), limit=_text(limit))


class PolicyDecision(Struct, frozen=True):
    """The verdict; `reason` is the first failed rule, `order` what to send when there is none.

    `traded` is the leader's trade, as it was judged; `gathered` what too small a trade was added to, or a sell left of
    it; `exit` what is to be sold, now or later; `sales` what is known of the leader's sales after this one.
    """

    verdict: Verdict
    reason: str
    rules: Sequence[RuleResult]
    order: Order | None
    traded: Traded | None = None
    gathered: Gathered | None = None
    exit: ExitTask | None = None
    sales: LeaderSales | None = None

    @property
    def trade(self) -> Trade | None:
        """Return the leader's trade as a decision holds it."""
        found = self.traded
        if found is None or isinstance(found, Trade):
            return found
        return Trade(usdc=found.usdc, shares=found.shares, price=found.price)

    @property
    def idle(self) -> bool:
        """Say whether nothing follows from it: no order, nothing gathered, no exit, no small sale that adds up."""
        small = self.sales is not None and self.sales.shares
        return self.order is None and self.gathered is None and self.exit is None and not small


def decide_signal(case: DecisionContext) -> PolicyDecision:
    """Judge one signal by the rules of its side."""
    rules = Rulings(rules_of(case.side, case.limits), case)
    return _decide_buy(case, rules) if case.side == "BUY" else _decide_sell(case, rules)


def _decide_buy(case: DecisionContext, rules: Rulings) -> PolicyDecision:
    window_s = case.limits.gather_window_s
    if window_s and is_cut(case.signal, case.limits):
        window_s = 0
    failed = rules.failed(_not_too_small if window_s else _any_rule)
    if not failed:
        order = _order(case, case.signal.id, case.signal.leader)
        return PolicyDecision("BUY", PASSED, rules, order, _trade(case))
    if not window_s or not TOO_SMALL.issuperset(failed):
        return PolicyDecision("SKIP", failed[0], rules, None, _trade(case))
    gathered = _gathered(case)
    since = f"{trade_text(case)} since {gathered.since_ms}"
    rule = RuleResult(rule=GATHERED, passed=False, value=since, limit=f"{window_s} s")
    return PolicyDecision("SKIP", GATHERED, (*rules, rule), None, _trade(case), gathered=gathered)


def _decide_sell(case: DecisionContext, rules: Rulings) -> PolicyDecision:
    failed = rules.failed(OPENS_EXIT.__contains__)
    order = None if failed else _order(case, case.signal.id, case.signal.leader)
    verdict, reason = ("SKIP", failed[0]) if failed else ("SELL", PASSED)
    task, sales = _exit(case, failed), _sales(case, failed)
    return PolicyDecision(verdict, reason, rules, order, _trade(case), _left(case), task, sales)


def _any_rule(_name: str) -> bool:
    """Say that no other rule matters once this one failed."""
    return True


def _not_too_small(name: str) -> bool:
    """Say the same where trades are gathered that fail for nothing but being small."""
    return name not in TOO_SMALL


def decide_exit(case: ExitContext) -> PolicyDecision:
    """Judge one attempt of an exit."""
    rules = Rulings(exit_rules(case.limits), case)
    failed = rules.failed(_any_rule)
    if failed:
        return PolicyDecision("SKIP", failed[0], rules, None, exit=case.task)
    order = _order(case, order_fact(case.task), case.task.leader)
    return PolicyDecision("SELL", f"exit: {case.task.reason}", rules, order, exit=case.task)


def refused_rule(decision: PolicyDecision, account: str, value: int, limit: int) -> PolicyDecision:
    """Return the decision after the ledger refused its intent: a cap or a control moved in between."""
    text = str if account in COUNTS else micro_text
    rule = RuleResult(rule="ledger", passed=False, value=f"{account}={text(value)}", limit=text(limit))
    rules = (*decision.rules, rule)
    return PolicyDecision("SKIP", "ledger", rules, None, decision.traded, exit=decision.exit, sales=decision.sales)


def _trade(case: DecisionContext) -> Traded | None:
    if is_told_again(case.signal, case.limits):
        return None
    try:
        return case.trade
    except UNKNOWN as error:
        why_unknown(error)
        return None


def _exit(case: DecisionContext, failed: list[str]) -> ExitTask | None:
    """Return the exit that a leader's sell opens: it goes on when this order sells nothing, or not enough."""
    if not OPENS_EXIT.isdisjoint(failed):
        return None
    try:
        sale = case.sale
    except UNKNOWN as error:
        why_unknown(error)
        return None
    lacking = case.balances.wallet_shares is not None  # no dust: what became of it nobody has said yet
    dust = bool(failed) and failed[0] == DUST and sale.keep == 0 and not lacking
    return None if dust else case.task


def _gathered(case: DecisionContext) -> Gathered:
    """Return what a trade that is only too small comes to with those before it."""
    before = case.balances.gathered
    since_ms = before.since_ms if before else case.now_ms
    return Gathered(usdc=case.trade.usdc, shares=case.trade.shares, since_ms=since_ms)


def _left(case: DecisionContext) -> Gathered | None:
    """Return what a leader's sell leaves of what was gathered of his buys: he holds that much less."""
    before = case.portfolio.gathered if case.portfolio else None
    if before is None or not before.shares:
        return None
    shares = max(before.shares - case.signal.shares, Shares(0))
    usdc = Usdc(half_even(before.usdc * shares, before.shares))
    return Gathered(usdc=usdc, shares=shares, since_ms=before.since_ms)


def _sales(case: DecisionContext, failed: list[str]) -> LeaderSales | None:
    """Return what is known of the leader's sales after his sell: too small ones add up until one is followed."""
    if case.portfolio is None:
        return None
    before = case.portfolio.sales or LeaderSales(since_ms=0)
    small = before.shares + case.signal.shares if SMALL_SALE in failed else Shares(0)
    return LeaderSales(since_ms=max(before.since_ms, case.signal.traded_at_ms), shares=small)


def _order(case: DecisionContext | ExitContext, fact: str, leader: str) -> Order:
    size = case.size
    return Order(
        id=fact_id("order", fact),
        signal_id=fact,
        token_id=case.token_id,
        condition_id=case.facts.condition_id,
        leader=leader,
        side=case.side,
        shares=size.shares,
        limit_price=case.limit,
        budget=size.budget,
        kind="FAK",
    )


def _text(shown: Shown) -> str:
    if isinstance(shown, str):
        return shown
    return micro_text(shown) if isinstance(shown, int) else sum_text(*shown)
