"""A cache of why signals are skipped, for runs over millions: the rules' verdicts, without their values. Pure.

The rules are those of every decision, in their order. What they answered is kept for as long as what they look at is
the same (`rules.LOOKS_AT`), so most skips are known at once, before a signal or a case is made.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import NamedTuple, TypeVar, cast

from buyer.strategy.decision_context import UNKNOWN, DecisionContext
from buyer.strategy.limits import TradingLimits
from buyer.strategy.rule_table import LOOKS_AT, OPENS_EXIT, RULES, TOO_SMALL, Look, Rule, asked_rules
from shared.domain.leader_trade import LeaderTrade
from shared.domain.market import Book, Level, MarketFacts, Side
from shared.domain.money import Price
from shared.messages.decisions import Portfolio
from shared.messages.signals import ActionableSignal


def _leading(side: Side) -> Iterator[str]:
    """Yield the first rules of a side, as long as they look at balances alone and settle the matter."""
    return takewhile(lambda name: LOOKS_AT.get(name) in ("nothing", "balances") and name in OPENS_EXIT, RULES[side])


MOST = 20_000
"""Answers of a kind that are kept; then all are forgotten."""
NONE = 1 << 30
"""The place of a rule that does not fail."""
UNASKED = -1
"""The place of rules of which nothing is kept yet."""
SOON_KNOWN = frozenset(_leading("SELL"))
"""Rules of a sell that come first and by which nothing follows from it, whatever else it looks at."""

Failing = Callable[[DecisionContext], list[str]]
"""Names the rules that fail, as far as the verdict depends on them; the first is always the first of all."""
Key = TypeVar("Key")
Answer = TypeVar("Answer")
Placed = Sequence[tuple[int, Rule]]
"""Rules with their places among all of their side."""
Levels = tuple[tuple[Level, ...], tuple[Level, ...], Price | None, int]
"""A book's bids, asks, tick and time."""


class PricedVerdict(NamedTuple):
    """The first rule that fails at a leader's price and a book, and what an order would cost there.

    `seen` keeps what its key names.
    """

    first: int
    budget: int
    seen: object


class AmountSteps:
    """The first of some rules that fails by an amount, in micro-units, where each asks for enough, or each for no more.

    Then what is the same for two amounts is the same for all between, so few answers tell nearly all.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[int, tuple[int, int]] = {}

    def at(self, amount: int) -> int:
        """Return the rule's place, `UNASKED` where it does not follow from those that are known."""
        for place, (least, most) in self._known.items():
            if least <= amount <= most:
                return place
        return UNASKED

    def learn(self, amount: int, place: int) -> int:
        """Keep a rule's place, and return it."""
        least, most = self._known.get(place, (amount, amount))
        self._known[place] = (min(least, amount), max(most, amount))
        return place


@dataclass(slots=True)
class LotVerdict:
    """What was answered for one lot: by its market's facts, its balances, and what the signal says of its market.

    `first` is the first rule that fails by these alone, `afforded` that by the budget, `rated` that in the minute of
    the last order and after; `terms` is a number that markets of the same tick, minimum and fee share; `unsold` says
    why nothing follows a sell.
    """

    kept: "LimitVerdicts"
    facts: MarketFacts
    held: Portfolio
    hint: str
    first: int = 0
    terms: int = 0
    afforded: AmountSteps = field(default_factory=AmountSteps)
    rated: dict[bool, int] = field(default_factory=dict[bool, int])
    unsold: str = ""


class SkipCache:
    """The reasons of skips, by the limits of each leader; `last` is how the case stood that was asked about last."""

    def __init__(self) -> None:
        self._kept: dict[int, LimitVerdicts] = {}
        self.last: LotVerdict | None = None

    def failed(self, case: DecisionContext) -> list[str]:
        """Return the rules that fail, as far as the verdict depends on them; the first is always the first of all."""
        held, signal, self.last = case.portfolio, case.signal, None
        if case.problems or case.market is None or case.book is None or held is None:
            return asked_in_order(case)
        if case.limits.gather_window_s or held.gathered is not None or signal.cause != "TRADE" or signal.part:
            return asked_in_order(case)
        kept = self._kept.get(id(case.limits))
        if kept is None:
            kept = self._kept[id(case.limits)] = LimitVerdicts(case.limits)
        self.last = LotVerdict(kept, case.market, held, signal.market.condition_id)
        return kept.sell_failed(case, self.last) if signal.side == "SELL" else kept.failed(case, self.last)


def at_once(at: LotVerdict, trade: LeaderTrade, levels: Levels, now_ms: int) -> str:
    """Return why a trade is not followed whose lot stands as before; '' where that takes a decision, or it is followed.

    Args:
        at: How the lot stood when it was decided on; still its facts and its balances.
        trade: Of that lot.
        levels: Of the book as it is now.
        now_ms: The time of the decision.
    """
    if not trade.plain or trade.market.condition_id != at.hint:
        return ""
    return at.kept.at_once(at, trade, levels, now_ms) if trade.side == "BUY" else at.unsold


class LimitVerdicts:
    """What the rules of a buy answered under some limits."""

    def __init__(self, limits: TradingLimits) -> None:
        self.limits = limits
        rules = asked_rules("BUY", limits)
        self._names = [name for name, _ in rules]
        sized = limits.sizing == "fixed"  # then a size follows from the price alone, else also from trade and bankroll
        looks = [LOOKS_AT.get(name, "all") for name in self._names]

        def placed(*kinds: Look) -> Placed:
            return [(place, rule) for place, (_, rule) in enumerate(rules) if looks[place] in kinds]

        self._by_lot = placed("nothing", "market", "token", "balances")
        self._by_price = placed("price", "size") if sized else placed("price")
        self._by_age = placed("age")
        self._by_usdc = placed("usdc")
        self._by_minute = placed("minute")
        self._by_budget: Placed = placed("budget") if sized else []
        self._others = placed("trade", "all") if sized else placed("trade", "all", "size", "budget")
        self._usdc_place, self._budget_place, self._minute_place, self._other_place = (
            rules[0][0] if rules else NONE for rules in (self._by_usdc, self._by_budget, self._by_minute, self._others)
        )
        self._terms: dict[tuple[object, ...], int] = {}
        self._priced: dict[tuple[object, ...], PricedVerdict] = {}
        self._ages: dict[tuple[int, int], int] = {}
        self._large = AmountSteps()

    def at_once(self, at: LotVerdict, trade: LeaderTrade, levels: Levels, now_ms: int) -> str:
        """Return the first rule that fails, '' when none does or there is no book."""
        bids, asks, tick, book_at_ms = levels
        if not bids and not asks:
            return ""
        priced = self._priced.get((trade.price, at.terms, id(bids), id(asks), None if tick is at.facts.tick else tick))
        first = self._ages.get((now_ms - trade.traded_at_ms, now_ms - book_at_ms))
        if priced is None or first is None:
            return self._anew(at, trade, levels, now_ms)
        first = min(first, at.first, priced.first)
        if first > self._usdc_place:
            first = min(first, self._large.at(trade.usdc))
        if first > self._budget_place:
            first = min(first, at.afforded.at(priced.budget))
        if first > self._minute_place:
            first = min(first, at.rated.get(at.held.minute < now_ms // 60_000, UNASKED))
        if first == UNASKED or first > self._other_place:
            return self._anew(at, trade, levels, now_ms)
        return "" if first == NONE else self._names[first]

    def failed(self, case: DecisionContext, at: LotVerdict) -> list[str]:
        """Return the first rule that fails, if any does; note how the lot stands."""
        facts = case.facts
        terms = (facts.tick, facts.min_shares, facts.fee_rate, facts.fee_exponent)
        at.first, at.terms = _first(self._by_lot, case, NONE), self._terms.setdefault(terms, len(self._terms))
        first = self._judged(case, at)
        return [] if first == NONE else [self._names[first]]

    def _judged(self, case: DecisionContext, at: LotVerdict, plain: LeaderTrade | None = None) -> int:
        """Return the place of the first rule that fails; keep what the rules answer, the more of a `plain` trade."""
        priced = self._price(case, at.terms)
        first = min(at.first, priced.first, self._age(case))
        if first > self._usdc_place:
            first = min(first, self._enough(case, plain))
        if first > self._budget_place:
            first = min(first, self._affordable(case, at, priced.budget, around=plain is not None))
        if first > self._minute_place:
            first = min(first, _answered(at.rated, at.held.minute < case.now_ms // 60_000, self._by_minute, case))
        return _first(self._others, case, first)

    def sell_failed(self, case: DecisionContext, at: LotVerdict) -> list[str]:
        """Return the rules that fail for a sell; note why nothing follows."""
        failed = asked_in_order(case)
        at.unsold = failed[0] if failed and failed[0] in SOON_KNOWN else ""
        return failed

    def _anew(self, at: LotVerdict, trade: LeaderTrade, levels: Levels, now_ms: int) -> str:
        """Return the same by the rules themselves, and keep what they answer."""
        bids, asks, tick, book_at_ms = levels
        book = Book(token_id=trade.token_id, at_ms=book_at_ms, tick=tick, bids=bids, asks=asks)
        case = DecisionContext(at.facts, book, at.held, self.limits, now_ms, (), cast("ActionableSignal", trade))
        first = self._judged(case, at, trade)
        return "" if first == NONE else self._names[first]

    def _affordable(self, case: DecisionContext, at: LotVerdict, budget: int, *, around: bool) -> int:
        """Return the place of the first cap that fails; with `around` learn of half and twice the budget as well."""
        found = at.afforded.at(budget)
        if found != UNASKED:
            return found
        for other in (budget // 2, budget * 2) if around else ():
            vars(case)["budget"] = other
            at.afforded.learn(other, _first(self._by_budget, case, NONE))
        vars(case)["budget"] = budget
        return at.afforded.learn(budget, _first(self._by_budget, case, NONE))

    def _price(self, case: DecisionContext, terms: int) -> PricedVerdict:
        book = case.seen_book
        tick = None if book.tick is case.facts.tick else book.tick
        key = (case.signal.price, terms, id(book.bids), id(book.asks), tick)
        found = self._priced.get(key)
        if found is not None:
            return found
        first = _first(self._by_price, case, NONE)
        budget = case.size.budget if self._by_budget and first > self._budget_place else 0
        return _remembered(self._priced, key, PricedVerdict(first, budget, (book.bids, book.asks)))

    def _enough(self, case: DecisionContext, plain: LeaderTrade | None) -> int:
        if plain is None:
            return _first(self._by_usdc, case, NONE)
        found = self._large.at(plain.usdc)
        return self._large.learn(plain.usdc, _first(self._by_usdc, case, NONE)) if found == UNASKED else found

    def _age(self, case: DecisionContext) -> int:
        key = (case.now_ms - case.signal.traded_at_ms, case.now_ms - case.seen_book.at_ms)
        return _answered(self._ages, key, self._by_age, case)


def _first(rules: Placed, case: DecisionContext, before: int) -> int:
    """Return the place of the first rule that fails, `before` when none does before it."""
    for place, rule in rules:
        if place >= before:
            return before
        try:
            passed = rule(case)[0]
        except UNKNOWN:
            passed = False
        if not passed:
            return place
    return before


def _answered(answers: dict[Key, int], key: Key, rules: Placed, case: DecisionContext) -> int:
    """Return the place of the first of `rules` that fails, as it was kept or as they answer now."""
    found = answers.get(key)
    return _remembered(answers, key, _first(rules, case, NONE)) if found is None else found


def _remembered(kept: dict[Key, Answer], key: Key, answer: Answer) -> Answer:
    """Keep an answer; all are forgotten when there are too many."""
    if len(kept) >= MOST:
        kept.clear()
    kept[key] = answer
    return answer


def asked_in_order(case: DecisionContext) -> list[str]:
    """Return the rules that fail, as far as the verdict depends on them; the first is always the first of all."""
    failed: list[str] = []
    for name, rule in asked_rules(case.side, case.limits):
        try:
            passed = rule(case)[0]
        except UNKNOWN:
            passed = False
        if not passed:
            failed.append(name)
            if _enough(name, case):
                break
    return failed


def _enough(name: str, case: DecisionContext) -> bool:
    """Say whether no other rule matters once this one failed: nothing is gathered, no exit opened."""
    if case.side == "SELL":
        return name in OPENS_EXIT
    return name not in TOO_SMALL or not case.limits.gather_window_s
