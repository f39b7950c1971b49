"""Why signals are skipped, for runs over millions of them: the rules' verdicts, without their values. Pure.

The rules are those of every decision, in their order. What they answered is kept for as long as what they look at is
the same (`rules.LOOKS_AT`), so most skips are known at a glance, before a whole case is made of them.
"""

from collections.abc import Iterator, Sequence
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
NOTHING = ("", None)
SOON_KNOWN = frozenset(_leading("SELL"))
"""Rules of a sell that come first and by which nothing follows from it, whatever else it looks at."""

Key = TypeVar("Key")
Answer = TypeVar("Answer")
Placed = Sequence[tuple[int, Rule]]
"""Rules with their places among all of their side."""


class Glance(NamedTuple):
    """What is seen of a buy before a case is made of it: the book's levels, and when they stood."""

    signal: ActionableSignal
    facts: MarketFacts
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]
    tick: object
    book_at_ms: int
    held: Portfolio
    now_ms: int


class Opened(NamedTuple):
    """The first rule that fails for a market, and a number that markets of the same terms share."""

    first: int
    terms: int
    facts: MarketFacts


class Priced(NamedTuple):
    """The first rule that fails at a price, and what an order would cost there; `seen` keeps what its key names."""

    first: int
    budget: int
    seen: object


class Reasons:
    """The reasons of skips, by the limits of each leader."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}

    def failed(self, case: Case) -> list[str]:
        """Return the rules that fail, as far as the verdict depends on them; the first is always the first of all."""
        held, signal = case.portfolio, case.signal
        if case.problems or case.market is None or case.book is None or held is None or not _plain(signal, held):
            return _asked_in_order(case)
        kept = self._kept.get(id(case.limits))
        if kept is None:
            kept = self._kept[id(case.limits)] = Kept(case.limits)
        if signal.side == "SELL":
            return kept.sell_failed(case)
        return _asked_in_order(case) if case.limits.gather_window_s else kept.failed(case)

    def at_once(self, limits: Limits, at: Glance) -> str:
        """Return why a signal is skipped, '' where that takes a case, or where it is not skipped."""
        kept, signal, held = self._kept.get(id(limits)), at.signal, at.held
        if kept is None or not _plain(signal, held):
            return ""
        return kept.at_once(at) if signal.side == "BUY" else kept.unsold.get(id(held), NOTHING)[0]


def _plain(signal: ActionableSignal, held: Portfolio) -> bool:
    """Say whether a trade is judged by itself: nothing was gathered before it, and it is one."""
    return held.gathered is None and signal.cause == "TRADE"


class Kept:
    """What the rules of a buy answered under some limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        rules = asked("BUY", limits)
        self._names = [name for name, _ in rules]
        sized = limits.sizing == "fixed"  # then a size follows from the price alone, else also from trade and bankroll
        looks = [LOOKS_AT.get(name, "all") for name in self._names]

        def placed(*kinds: Look) -> Placed:
            return [(place, rule) for place, (_, rule) in enumerate(rules) if looks[place] in kinds]

        self._always = placed("nothing")
        self._by_market, self._by_token = placed("market"), placed("token")
        self._by_price = placed("price", "size") if sized else placed("price")
        self._by_balances, self._by_age = placed("balances"), placed("age")
        self._by_budget: Placed = placed("budget") if sized else []
        self._others = placed("trade", "all") if sized else placed("trade", "all", "size", "budget")
        self._at_once = sized and "all" not in looks and not limits.gather_window_s
        self._afford_place = self._by_budget[0][0] if self._by_budget else NONE
        self._terms: dict[tuple[object, ...], int] = {}
        self._opened: dict[int, Opened] = {}
        self._priced: dict[tuple[object, ...], Priced] = {}
        self._tokens: dict[tuple[int, str, str, str], tuple[int, object]] = {}
        self._held: dict[tuple[int, int], tuple[int, object]] = {}
        self._ages: dict[tuple[int, int], int] = {}
        self._afforded: dict[tuple[int, int, int], tuple[int, object]] = {}
        self.unsold: dict[int, tuple[str, object]] = {}
        """Why nothing follows a sell, by the balances that say so."""

    def at_once(self, at: Glance) -> str:
        """Return the first rule that fails, if everything that takes a case was answered before."""
        signal, facts, held = at.signal, at.facts, at.held
        opened, balances = self._opened.get(id(facts)), self._held.get((id(held), signal.part))
        if opened is None or balances is None or not self._at_once:
            return ""
        priced = self._priced.get((opened.terms, id(at.bids), id(at.asks), at.tick, signal.price))
        token = self._tokens.get((id(facts), signal.token_id, signal.token_id, signal.market.condition_id))
        age = self._ages.get((at.now_ms - signal.traded_at_ms, at.now_ms - at.book_at_ms))
        if priced is None or token is None or age is None:
            return ""
        first = min(opened.first, priced.first, token[0], balances[0], age)
        light = _light(at, self._limits, priced.budget)
        if first > self._afford_place:
            afforded = self._afforded.get((id(held), id(facts), priced.budget))
            first = min(first, afforded[0] if afforded else self._affordable(first, light, priced.budget))
        first = _first(self._others, light, first)
        return "" if first == NONE else self._names[first]

    def failed(self, case: Case) -> list[str]:
        """Return the first rule that fails, if any does."""
        first = min(self._market(case), self._token(case), self._balances(case), self._age(case))
        priced = self._price(case)
        first = min(first, priced.first)
        first = _first(self._others, case, min(first, self._affordable(first, case, priced.budget)))
        return [] if first == NONE else [self._names[first]]

    def sell_failed(self, case: Case) -> list[str]:
        """Return the rules that fail for a sell."""
        failed, held = _asked_in_order(case), case.balances
        if failed and failed[0] in SOON_KNOWN:
            _keep(self.unsold, id(held), (failed[0], held))
        return failed

    def _market(self, case: Case) -> int:
        facts = case.facts
        if id(facts) not in self._opened:
            terms = (facts.tick, facts.min_shares, facts.fee_rate, facts.fee_exponent)
            number = self._terms.setdefault(terms, len(self._terms))
            first = _first(self._always, case, _first(self._by_market, case, NONE))
            _keep(self._opened, id(facts), Opened(first, number, facts))
        return self._opened[id(facts)].first

    def _token(self, case: Case) -> int:
        facts, signal = case.facts, case.signal
        key = (id(facts), signal.token_id, case.seen_book.token_id, signal.market.condition_id)
        found = self._tokens.get(key)
        return (found or _keep(self._tokens, key, (_first(self._by_token, case, NONE), facts)))[0]

    def _balances(self, case: Case) -> int:
        held = case.balances
        key = (id(held), case.signal.part)
        found = self._held.get(key)
        return (found or _keep(self._held, key, (_first(self._by_balances, case, NONE), held)))[0]

    def _age(self, case: Case) -> int:
        key = (case.now_ms - case.signal.traded_at_ms, case.now_ms - case.seen_book.at_ms)
        found = self._ages.get(key)
        return _keep(self._ages, key, _first(self._by_age, case, NONE)) if found is None else found

    def _price(self, case: Case) -> Priced:
        book, terms = case.seen_book, self._opened[id(case.facts)].terms
        key = (terms, id(book.bids), id(book.asks), book.tick, case.signal.price)
        found = self._priced.get(key)
        if found is not None:
            return found
        first = _first(self._by_price, case, NONE)
        budget = case.size.budget if self._by_budget and first > self._afford_place else 0
        return _keep(self._priced, key, Priced(first, budget, (book.bids, book.asks)))

    def _affordable(self, before: int, case: Case, budget: int) -> int:
        """Return the first rule that fails for what an order costs; `NONE` where one before it fails already."""
        if before < self._afford_place:
            return NONE
        held, facts = case.balances, case.facts
        key = (id(held), id(facts), budget)
        found = self._afforded.get(key)
        return (found or _keep(self._afforded, key, (_first(self._by_budget, case, NONE), (held, facts))))[0]


_new, _set_fields = object.__new__, vars(Seen)["__dict__"].__set__


def _light(at: Glance, limits: Limits, budget: int) -> Case:
    """Return a case without its book, for rules that do not look at it: one that did would not get far."""
    case, signal = _new(Case), at.signal
    _set_fields(
        case,
        {
            "signal": signal,
            "side": signal.side,
            "trade": signal,
            "facts": at.facts,
            "balances": at.held,
            "limits": limits,
            "now_ms": at.now_ms,
            "problems": (),
            "budget": from_micro(budget),
        },
    )
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


def _asked_in_order(case: Case) -> list[str]:
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
