"""A rule of the policy, and what keeps one from being evaluated. Pure."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from buyer.strategy.limits import TradingLimits
from shared.domain.errors import Malformed
from shared.domain.market import Book

T = TypeVar("T")


Shown = str | int | tuple[int, int]
"""What a rule shows: a text, micro-units, or a sum of them."""


Passes = Callable[[Any], bool]
Shows = Callable[[Any], tuple[Shown, Shown]]


CanFail = Callable[[TradingLimits], object]


def _always(_limits: TradingLimits) -> bool:
    return True


class Judged:
    """A case that rules look at; `book` is None where it could not be found out."""

    book: Book | None


class Rule(NamedTuple):
    """Says whether a case passes, and shows what it saw and what it allows, to whoever reads that.

    Under limits that it `can_fail` under no case, where no rule before it failed, nobody needs to ask it for a verdict.
    """

    passes: Passes
    shows: Shows
    can_fail: CanFail = _always


def rule(shows: Shows, can_fail: CanFail = _always) -> Callable[[Passes], Rule]:
    """Make a function that says whether a case passes a rule, which shows this of it."""
    return lambda passes: Rule(passes, shows, can_fail)


class NotEvaluated(Exception):
    """A rule lacks something it needs; it fails, and nothing is bought."""


UNKNOWN = (NotEvaluated, ArithmeticError, ValueError, Malformed, AttributeError)
"""What keeps a rule from being evaluated; `why_unknown` tells it, and passes on what is a mistake of ours."""


_INPUTS = {
    "facts": "the market's facts are",
    "seen_book": "the book is",
    "levels": "the book is",
    "balances": "the balances are",
    "best_bid": "the best bid is",
    "best_ask": "the best ask is",
}
_OF_BOOK = frozenset({"best_bid", "best_ask"})


def why_unknown(error: Exception) -> str:
    """Return what kept a rule from being evaluated, in words: `UNKNOWN` holds what it may be.

    Raises:
        AttributeError: it is no input that is missing.
    """
    if isinstance(error, AttributeError):
        if error.name not in _INPUTS or not isinstance(error.obj, Judged):
            raise error
        unseen = error.name in _OF_BOOK and error.obj.book is None
        return f"{_INPUTS['seen_book' if unseen else error.name]} not known"
    return str(error)


def required_value(value: T | None, what: str) -> T:
    """Return `value`, or fail the rule that needs it.

    Raises:
        NotEvaluated: nobody could find it out.
    """
    if value is None:
        raise NotEvaluated(f"{what} not known")
    return value
