"""Why a signal is skipped, for runs over millions of them: the rules' verdicts, without their values.

The rules are those of every decision, in their order. What they answered is kept for as long as what they look at is
the same (`rules.LOOKS_AT`): a market's facts, its book's levels and the leader's price; the balances; the balances and
the budget. Rules that look at more are asked each time.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from buyer.case import UNKNOWN, Case
from buyer.limits import Limits
from buyer.rules import LOOKS_AT, OPENS_EXIT, TOO_SMALL, Look, Rule, asked

MOST = 20_000
"""Answers of a kind that are kept; then all are forgotten."""
NONE = 1 << 30
"""The place of a rule that does not fail."""
Key = TypeVar("Key")
Answer = TypeVar("Answer")
Placed = Sequence[tuple[int, Rule]]
"""Rules with their places among all of their side."""


class Priced(NamedTuple):
    """The first rule that fails at a price, and what would be ordered there; `seen` keeps what the key is made from."""

    first: int
    budget: int
    seen: object


class Reasons:
    """The reasons of skips, by the limits of each leader."""

    def __init__(self) -> None:
        self._kept: dict[int, Kept] = {}

    def failed(self, case: Case) -> list[str]:
        """Return the rules that fail, as far as the verdict depends on them; the first is always the first of all."""
        limits = case.limits
        if case.side == "SELL" or limits.gather_window_s or case.signal.cause != "TRADE":
            return _asked_in_order(case)
        if case.market is None or case.book is None or case.portfolio is None or case.portfolio.gathered is not None:
            return _asked_in_order(case)
        kept = self._kept.get(id(limits))
        if kept is None:
            kept = self._kept[id(limits)] = Kept(limits)
        return kept.failed(case)


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

        self._by_price = placed("price", "size") if sized else placed("price")
        self._by_balances = placed("balances")
        self._by_budget: Placed = placed("budget") if sized else []
        self._others = placed("all") if sized else placed("all", "size", "budget")
        self._priced: dict[tuple[object, ...], Priced] = {}
        self._held: dict[int, tuple[int, object]] = {}
        self._afforded: dict[tuple[int, int, int], tuple[int, object]] = {}

    def failed(self, case: Case) -> list[str]:
        """Return the first rule that fails, if any does."""
        facts, book, held = case.facts, case.seen_book, case.balances
        key = (id(facts), id(book.bids), id(book.asks), book.tick, case.signal.price)
        priced = self._priced.get(key)
        if priced is None:
            priced = self._price(case, key)
        first = priced.first
        answer = self._held.get(id(held))
        if answer is None:
            answer = _keep(self._held, id(held), (_first(self._by_balances, case, NONE), held))
        first = min(first, answer[0])
        if self._by_budget and first > self._by_budget[0][0]:
            place = (id(held), id(facts), priced.budget)
            answer = self._afforded.get(place)
            if answer is None:
                answer = _keep(self._afforded, place, (_first(self._by_budget, case, NONE), (held, facts)))
            first = min(first, answer[0])
        first = _first(self._others, case, first)
        return [] if first == NONE else [self._names[first]]

    def _price(self, case: Case, key: tuple[object, ...]) -> Priced:
        first = _first(self._by_price, case, NONE)
        budget = case.size.budget if self._by_budget and first > self._by_budget[0][0] else 0
        seen = (case.facts, case.seen_book.bids, case.seen_book.asks)
        return _keep(self._priced, key, Priced(first, budget, seen))


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
