"""Why signals are skipped, for runs over millions of them: the rules' verdicts, without their values. Pure.

The rules are those of every decision, in their order. What they answered is kept for as long as what they look at is
the same (`rules.LOOKS_AT`), so most skips are known at once, before a whole case is made of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import takewhile
from typing import NamedTuple, TypeVar

from buyer.case import UNKNOWN, Case, Seen
from buyer.limits import Limits
from buyer.rules import LOOKS_AT, OPENS_EXIT, RULES, TOO_SMALL, Look, Rule, asked
from shared.events import ActionableSignal, Portfolio
from shared.market import Level, MarketFacts, Side
from shared.money import from_micro


def _leading(side: Side) -> Iterator[str]:
    """Yield the first rules of a side, as long as they look at balances alone and settle the matter."""
    return takewhile(lambda name: LOOKS_AT.get(name) in ("nothing", "balances") and name in OPENS_EXIT, RULES[side])


MOST = 20_000
"""Answers of a kind that are kept; then all are forgotten."""
NONE = 1 << 30
"""The place of a rule that does not fail."""
SOON_KNOWN = frozenset(_leading("SELL"))
"""Rules of a sell that come first and by which nothing follows from it, whatever else it looks at."""

Failing = Callable[[Case], list[str]]
"""Names the rules that fail, as far as the verdict depends on them; the first is always the first of all."""
Key = TypeVar("Key")
Answer = TypeVar("Answer")
Placed = Sequence[tuple[int, Rule]]
"""Rules with their places among all of their side."""
Levels = tuple[tuple[Level, ...], tuple[Level, ...], Decimal | None, int]
"""A book's bids, asks, tick and time."""


class Quoted(NamedTuple):
    """The first rule that fails for a leader's price, and our limit; None where it cannot be reckoned."""

    first: int
    limit: Decimal | None


class Priced(NamedTuple):
    """The first rule that fails at a limit, and what an order would cost there; `seen` keeps what its key names."""

    first: int
    budget: int
    seen: object


@dataclass(slots=True)
class Standing:
    """What was answered for one lot: by its market's facts, its balances, and what the signal says of its market.

    `first` is the first rule that fails by these alone, `afforded` that by each budget, `terms` a number that markets
    of the same tick, minimum and fee share, `unsold` why nothing follows a sell.
    """

    kept: "Kept"
    facts: MarketFacts
    held: Portfolio
    hint: str
    first: int = 0
    terms: int = 0
    afforded: dict[int, int] = field(default_factory=dict[int, int])
    unsold: str = ""


class Reasons:
    """The reasons of skips, by the limits of each leader; `last` is how the case stood that was asked about last."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}
        self.last: Standing | None = None

    def failed(self, case: Case) -> list[str]:
        """Return the rules that fail, as far as the verdict depends on them; the first is always the first of all."""
        held, signal, self.last = case.portfolio, case.signal, None
        if case.problems or case.market is None or case.book is None or held is None:
            return asked_in_order(case)
        if case.limits.gather_window_s or held.gathered is not None or signal.cause != "TRADE" or signal.part:
            return asked_in_order(case)
        kept = self._kept.get(id(case.limits))
        if kept is None:
            kept = self._kept[id(case.limits)] = Kept(case.limits)
        self.last = Standing(kept, case.market, held, signal.market.condition_id)
        return kept.sell_failed(case, self.last) if signal.side == "SELL" else kept.failed(case, self.last)


def at_once(at: Standing, signal: ActionableSignal, levels: Levels, now_ms: int) -> str:
    """Return why a signal is skipped whose lot stands as before; '' where that takes a case, or it is not skipped."""
    if signal.part or signal.cause != "TRADE" or signal.market.condition_id != at.hint:
        return ""
    return at.kept.at_once(at, signal, levels, now_ms) if signal.side == "BUY" else at.unsold


class Kept:
    """What the rules of a buy answered under some limits."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        rules = asked("BUY", limits)
        self._names = [name for name, _ in rules]
        sized = limits.sizing == "fixed"  # then a size follows from the price alone, else also from trade and bankroll
        looks = [LOOKS_AT.get(name, "all") for name in self._names]

        def placed(*kinds: Look) -> Placed:
            return [(place, rule) for place, (_, rule) in enumerate(rules) if looks[place] in kinds]

        self._by_lot = placed("nothing", "market", "token", "balances")
        self._by_quote = placed("quote")
        self._by_price = placed("price", "size") if sized else placed("price")
        self._by_age = placed("age")
        self._by_budget: Placed = placed("budget") if sized else []
        self._others = placed("trade", "all") if sized else placed("trade", "all", "size", "budget")
        self._lightly = sized and "all" not in looks
        self._budget_place = self._by_budget[0][0] if self._by_budget else NONE
        self._other_place = self._others[0][0] if self._others else NONE
        self._terms: dict[tuple[object, ...], int] = {}
        self._quoted: dict[tuple[Decimal, Decimal], Quoted] = {}
        self._priced: dict[tuple[object, ...], Priced] = {}
        self._ages: dict[tuple[int, int], int] = {}

    def at_once(self, at: Standing, signal: ActionableSignal, levels: Levels, now_ms: int) -> str:
        """Return the first rule that fails, if what takes a book was answered before."""
        bids, asks, tick, book_at_ms = levels
        quoted = self._quoted.get((signal.price, tick or at.facts.tick))
        age = self._ages.get((now_ms - signal.traded_at_ms, now_ms - book_at_ms))
        if quoted is None or age is None or not self._lightly:
            return ""
        priced = self._priced.get((at.terms, id(bids), id(asks), quoted.limit))
        if priced is None:
            return ""
        first, budget = min(at.first, quoted.first, priced.first, age), priced.budget
        afforded = at.afforded.get(budget) if first > self._budget_place else NONE
        if afforded is None:
            afforded = self._afforded(at, _light(at, signal, now_ms, budget), budget)
        first = min(first, afforded)
        if first > self._other_place:
            first = _first(self._others, _light(at, signal, now_ms, budget), first)
        return "" if first == NONE else self._names[first]

    def failed(self, case: Case, at: Standing) -> list[str]:
        """Return the first rule that fails, if any does; note how the lot stands."""
        facts = case.facts
        terms = (facts.tick, facts.min_shares, facts.fee_rate, facts.fee_exponent)
        at.first, at.terms = _first(self._by_lot, case, NONE), self._terms.setdefault(terms, len(self._terms))
        quoted = self._quote(case)
        priced = self._price(case, at.terms, quoted.limit)
        first = min(at.first, quoted.first, priced.first, self._age(case))
        if first > self._budget_place:
            first = min(first, self._afforded(at, case, priced.budget))
        first = _first(self._others, case, first)
        return [] if first == NONE else [self._names[first]]

    def sell_failed(self, case: Case, at: Standing) -> list[str]:
        """Return the rules that fail for a sell; note why nothing follows."""
        failed = asked_in_order(case)
        at.unsold = failed[0] if failed and failed[0] in SOON_KNOWN else ""
        return failed

    def _quote(self, case: Case) -> Quoted:
        key = (case.signal.price, case.seen_book.tick or case.facts.tick)
        found = self._quoted.get(key)
        if found is not None:
            return found
        try:
            limit = case.limit
        except UNKNOWN:
            limit = None
        return _keep(self._quoted, key, Quoted(_first(self._by_quote, case, NONE), limit))

    def _price(self, case: Case, terms: int, limit: Decimal | None) -> Priced:
        book = case.seen_book
        key = (terms, id(book.bids), id(book.asks), limit)
        found = self._priced.get(key)
        if found is not None:
            return found
        first = _first(self._by_price, case, NONE)
        budget = case.size.budget if self._by_budget and first > self._budget_place else 0
        return _keep(self._priced, key, Priced(first, budget, (book.bids, book.asks)))

    def _age(self, case: Case) -> int:
        key = (case.now_ms - case.signal.traded_at_ms, case.now_ms - case.seen_book.at_ms)
        found = self._ages.get(key)
        return _keep(self._ages, key, _first(self._by_age, case, NONE)) if found is None else found

    def _afforded(self, at: Standing, case: Case, budget: int) -> int:
        return _keep(at.afforded, budget, _first(self._by_budget, case, NONE))


_new, _set_fields = object.__new__, vars(Seen)["__dict__"].__set__


def _light(at: Standing, signal: ActionableSignal, now_ms: int, budget: int) -> Case:
    """Return a case without its book, for rules that do not look at it: one that did would not get far."""
    case = _new(Case)
    fields = {
        "signal": signal,
        "side": signal.side,
        "trade": signal,
        "facts": at.facts,
        "balances": at.held,
        "limits": at.kept.limits,
        "now_ms": now_ms,
        "problems": (),
        "budget": from_micro(budget),
    }
    _set_fields(case, fields)
    return case


def _first(rules: Placed, case: Case, before: int) -> int:
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


def _keep(kept: dict[Key, Answer], key: Key, answer: Answer) -> Answer:
    """Keep an answer; all are forgotten when there are too many."""
    if len(kept) >= MOST:
        kept.clear()
    kept[key] = answer
    return answer


def asked_in_order(case: Case) -> list[str]:
    """Return the rules that fail, as far as the verdict depends on them; the first is always the first of all."""
    failed: list[str] = []
    for name, rule in asked(case.side, case.limits):
        try:
            passed = rule(case)[0]
        except UNKNOWN:
            passed = False
        if not passed:
            failed.append(name)
            if _enough(name, case):
                break
    return failed


def _enough(name: str, case: Case) -> bool:
    """Say whether no other rule matters once this one failed: nothing is gathered, no exit opened."""
    if case.side == "SELL":
        return name in OPENS_EXIT
    return name not in TOO_SMALL or not case.limits.gather_window_s
