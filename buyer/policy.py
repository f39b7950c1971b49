"""The buyer's verdict: `decide(case) -> Decision`, every rule with its value. Pure; never raises on data.

Every rule is evaluated for every signal, so a decision says all that was wrong with it; one that cannot be evaluated
fails, so nothing is bought blind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from buyer.fills import Filled, walk
from buyer.limits import Limits
from buyer.sizing import TICKS, Size, buy_size, limit_price, sell_size
from shared.errors import Malformed
from shared.events import ActionableSignal, Order, Portfolio, RuleResult, Verdict, fact_id
from shared.market import Book, MarketFacts
from shared.money import from_micro, to_micro


@dataclass(frozen=True)
class Case:
    """All a decision may look at; None is what could not be found out, and `problems` says why."""

    signal: ActionableSignal
    market: MarketFacts | None
    book: Book | None
    portfolio: Portfolio | None
    limits: Limits
    now_ms: int
    problems: tuple[str, ...] = ()

    @cached_property
    def facts(self) -> MarketFacts:
        """Return the market's facts, or fail the rule that asks."""
        return _known(self.market, "the market's facts are")

    @cached_property
    def seen_book(self) -> Book:
        """Return the book, or fail the rule that asks."""
        return _known(self.book, "the book is")

    @cached_property
    def balances(self) -> Portfolio:
        """Return the balances, or fail the rule that asks."""
        return _known(self.portfolio, "the balances are")

    @cached_property
    def limit(self) -> Decimal:
        """Return the worst price we accept."""
        if self.facts.tick not in TICKS:
            raise NotEvaluated(f"tick {self.facts.tick} is none that the venue knows")
        allowed = self.limits
        return limit_price(
            self.signal.price,
            self.signal.side,
            self.facts.tick,
            allowed.max_slippage_ticks,
            allowed.max_slippage_pct,
        )

    @cached_property
    def size(self) -> Size:
        """Return what we would order."""
        if self.signal.side == "SELL":
            return Size(sell_size(to_micro(self.balances.lot_shares)), 0)
        return buy_size(self.limits.stake_usdc, self.limit, self.facts, bump=self.limits.bump_to_minimum)

    @cached_property
    def expected(self) -> Filled:
        """Return what the book we saw would give us."""
        side, size = self.signal.side, self.size
        budget = size.budget if side == "BUY" else None
        return walk(self.seen_book.against(side), side, to_micro(size.shares), self.limit, budget, self.facts)


@dataclass(frozen=True)
class Decision:
    """The verdict; `reason` is the first failed rule, `order` what to send when there is none."""

    verdict: Verdict
    reason: str
    rules: tuple[RuleResult, ...]
    order: Order | None


class NotEvaluated(Exception):
    """A rule lacks something it needs; it fails, and nothing is bought."""


def decide(case: Case) -> Decision:
    """Judge one signal by every rule of its side."""
    rules = tuple(_judge(name, rule, case) for name, rule in _RULES[case.signal.side].items())
    failed = next((rule.rule for rule in rules if not rule.passed), None)
    if failed:
        return Decision("SKIP", failed, rules, None)
    return Decision(case.signal.side, "all rules passed", rules, _order(case))


def refused(decision: Decision, account: str, value: int, limit: int) -> Decision:
    """Return the decision after the ledger refused its intent: a cap or the kill switch moved in between."""
    rule = RuleResult(rule="ledger", passed=False, value=f"{account}={from_micro(value)}", limit=str(from_micro(limit)))
    return Decision("SKIP", "ledger", (*decision.rules, rule), None)


def _judge(name: str, rule: "Rule", case: Case) -> RuleResult:
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


T = TypeVar("T")
Rule = Callable[[Case], tuple[bool, object, object]]


def _not_halted(case: Case) -> tuple[bool, object, object]:
    return not case.balances.halted, "on" if case.balances.halted else "off", "off"


def _fresh(case: Case) -> tuple[bool, object, object]:
    age_s = Decimal(case.now_ms - case.signal.traded_at_ms) / 1000
    return age_s <= case.limits.max_signal_age_s, age_s, case.limits.max_signal_age_s


def _clocks_agree(case: Case) -> tuple[bool, object, object]:
    ahead_s = max(Decimal(0), Decimal(case.signal.traded_at_ms - case.now_ms) / 1000)
    return ahead_s <= case.limits.max_clock_skew_s, ahead_s, case.limits.max_clock_skew_s


def _market_open(case: Case) -> tuple[bool, object, object]:
    facts = case.facts
    state = "closed" if facts.closed else "accepting" if facts.accepting_orders else "not accepting"
    return state == "accepting", state, "accepting"


def _inputs_known(case: Case) -> tuple[bool, object, object]:
    return not case.problems, "; ".join(case.problems) or "all", "facts and book"


def _right_token(case: Case) -> tuple[bool, object, object]:
    """Check that what we would buy is the very outcome the leader traded (trap 15)."""
    same = case.facts.token_id == case.signal.token_id == case.seen_book.token_id
    hint = case.signal.market.condition_id
    return same and hint in ("", case.facts.condition_id), case.facts.outcome_index, "the leader's token"


def _leader_trade(case: Case) -> tuple[bool, object, object]:
    return case.signal.usdc >= case.limits.min_leader_usdc, case.signal.usdc, case.limits.min_leader_usdc


def _leader_price(case: Case) -> tuple[bool, object, object]:
    return 0 < case.signal.price < 1, case.signal.price, "between 0 and 1"


def _price_band(case: Case) -> tuple[bool, object, object]:
    low, high = case.limits.min_price, case.limits.max_price
    return low <= case.limit <= high, case.limit, f"{low} to {high}"


def _book_fresh(case: Case) -> tuple[bool, object, object]:
    age_s = Decimal(case.now_ms - case.seen_book.at_ms) / 1000
    return age_s <= case.limits.max_book_age_s, age_s, case.limits.max_book_age_s


def _book_sane(case: Case) -> tuple[bool, object, object]:
    book = case.seen_book
    state = "crossed" if book.crossed else "ok" if book.against(case.signal.side) else "nothing to hit"
    return state == "ok", state, "ok"


def _slippage(case: Case) -> tuple[bool, object, object]:
    book = case.seen_book
    if case.signal.side == "BUY":
        best = _known(book.best_ask, "the best ask is")
        return best <= case.limit, best, case.limit
    best = _known(book.best_bid, "the best bid is")
    return best >= case.limit, best, case.limit


def _minimum(case: Case) -> tuple[bool, object, object]:
    """Check the market's minimum: a size that fell below it is 0."""
    smallest = case.facts.min_shares
    value = f"{case.size.shares} (raised to the minimum)" if case.size.bumped else case.size.shares
    return 0 < case.size.shares >= smallest, value, smallest


def _fillable(case: Case) -> tuple[bool, object, object]:
    return case.expected.shares > 0, from_micro(case.expected.shares), "more than 0"


def _market_cap(case: Case) -> tuple[bool, object, object]:
    total = case.balances.market_exposure + from_micro(case.size.budget)
    return total <= case.limits.max_market_usdc, total, case.limits.max_market_usdc


def _day_cap(case: Case) -> tuple[bool, object, object]:
    total = case.balances.spent_today + from_micro(case.size.budget)
    return total <= case.limits.max_day_usdc, total, case.limits.max_day_usdc


def _cash(case: Case) -> tuple[bool, object, object]:
    needed = from_micro(case.size.budget)
    return case.balances.cash >= needed, case.balances.cash, needed


def _sells_mirrored(case: Case) -> tuple[bool, object, object]:
    return case.limits.mirror_sells, "on" if case.limits.mirror_sells else "off", "on"


def _lot_held(case: Case) -> tuple[bool, object, object]:
    """Check that we hold shares because of this leader: a sell whose buy was skipped sells nothing (trap 22)."""
    return case.balances.lot_shares > 0, case.balances.lot_shares, "more than 0"


_BOTH: dict[str, Rule] = {
    "kill_switch": _not_halted,
    "inputs_known": _inputs_known,
    "signal_fresh": _fresh,
    "clocks_agree": _clocks_agree,
    "market_open": _market_open,
    "right_token": _right_token,
    "leader_price": _leader_price,
    "book_fresh": _book_fresh,
    "book_sane": _book_sane,
    "slippage": _slippage,
}
_RULES: dict[str, dict[str, Rule]] = {
    "BUY": {
        **_BOTH,
        "leader_trade": _leader_trade,
        "price_band": _price_band,
        "minimum_size": _minimum,
        "fillable": _fillable,
        "market_cap": _market_cap,
        "day_cap": _day_cap,
        "cash": _cash,
    },
    "SELL": {
        "sells_mirrored": _sells_mirrored,
        "lot_held": _lot_held,
        **_BOTH,
        "minimum_size": _minimum,
        "fillable": _fillable,
    },
}


def _known(value: T | None, what: str) -> T:
    if value is None:
        raise NotEvaluated(f"{what} not known")
    return value


def _text(value: object) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)
