"""One line of docs/venue.md held against an answer: confirmed, wrong, or not seen, with what was seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.domain.errors import HybridError

State = Literal["confirmed", "WRONG", "not seen"]


class PageWrong(Exception):
    """An answer contradicts the page: what was seen instead."""


class NothingToSee(Exception):
    """There is no answer to hold the page against, and why."""


@dataclass(frozen=True)
class Belief:
    """What a section of docs/venue.md says, and the look that tells whether it holds.

    `look` returns what was seen; it raises `PageWrong`, or `NothingToSee`.
    """

    section: str
    says: str
    look: Callable[[], str]


@dataclass(frozen=True)
class Held:
    """What came of a belief."""

    section: str
    says: str
    state: State
    seen: str

    def __str__(self) -> str:
        return f"{self.state:10} {self.section:5} {self.says}: {self.seen}"


def hold(belief: Belief) -> Held:
    """Look once; an upstream that is away confirms nothing and contradicts nothing."""
    try:
        state, seen = "confirmed", belief.look()
    except PageWrong as wrong:
        state, seen = "WRONG", str(wrong)
    except (NothingToSee, HybridError) as error:
        state, seen = "not seen", str(error)
    return Held(belief.section, belief.says, state, seen)


def summary_of(held: Sequence[Held]) -> str:
    """Return how many lines of the page hold, in a sentence."""
    counts = {state: sum(each.state == state for each in held) for state in ("confirmed", "WRONG", "not seen")}
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def demand(true: object, seen: str) -> None:
    """Raise PageWrong with what was seen unless something is true."""
    if not true:
        raise PageWrong(seen)
