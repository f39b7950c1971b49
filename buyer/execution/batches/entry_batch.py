"""Entries that were read together, in rounds: judged one after the other, written in one round trip, then carried on.

Each is judged on the ledger as those before it will leave it: its step is refused when theirs did not come to that, and
the ledger's guards ask again when the steps are carried out; then it is judged by itself. Buys of a token may have
their orders in one round; whatever else has to do with a token that has an order in it waits. While the orders
of a round are out, nothing else is decided.
"""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from buyer.execution.batches.ready_step import ReadyStep
from buyer.execution.journal import LedgerMoved
from buyer.token_executor import token_of
from shared.domain.ledger_write import Answer, LedgerWrite
from shared.redis.streams import StreamEntry

T = TypeVar("T")
_BUY = re.compile(r'^\{"event":"ACTIONABLE_SIGNAL","version":\d+,"id":"([^"]*)".*?"side":"BUY"')
ORDERS_AT_ONCE = 16
"""Orders of one round, and lanes of a live shard: each leaves as soon as its intent is written, behind no other."""


class JudgedEntry(NamedTuple):
    """An entry and its next step; without one it has come to its end, or waits, or has to be judged again (`moved`)."""

    entry: StreamEntry
    step: ReadyStep | None
    moved: bool = False


class EntryHandler(Protocol):
    """What becomes of one entry (`buyer/signal_handler`)."""

    def handle_entry(self, entry: StreamEntry) -> None:
        """Handle it from its beginning to its end."""
        ...

    def judge_entry(self, entry: StreamEntry) -> ReadyStep | None:
        """Judge it and return its first step; None where it has none, or has come to its end."""
        ...

    def finish_entry(self, entry: StreamEntry, step: ReadyStep, answer: Answer) -> ReadyStep | None:
        """Go on behind its step; return the next one. Raises LedgerMoved: it was not written, judge it again."""
        ...


class StepWriter(Protocol):
    """Who writes (`buyer/execution/journal`)."""

    def together(self) -> AbstractContextManager[bool]:
        """Judge what goes out together in this block; False where that cannot be."""
        ...

    def foresee(self, write: LedgerWrite) -> None:
        """Let what is judged next rest on what this step will leave."""
        ...

    def write_each(self, writes: Sequence[LedgerWrite], at_turn: Sequence[bool]) -> list[Answer]:
        """Carry out steps in one round trip."""
        ...


class Lanes(Protocol):
    """Who works on several things at once (`buyer/token_executor`)."""

    def run(
        self,
        entries: Sequence[StreamEntry],
        handle: Callable[[StreamEntry], object],
        stop: threading.Event,
        meanwhile: Callable[[], None],
    ) -> None:
        """Handle every entry, those of a token in their order."""
        ...

    def finished(self, works: Sequence[Callable[[], T]], meanwhile: Callable[[], None]) -> Iterator[list[T]]:
        """Do every work, and yield what is finished as it comes."""
        ...


class EntryBatch:
    """Handles what was read together: in rounds where the ledger is at hand, else token by token.

    `renew` keeps the lease; `between` does so, too, and concludes the orders that arrived, which `is_due` says.
    """

    def __init__(
        self,
        handler: EntryHandler,
        journal: StepWriter,
        lanes: Lanes,
        *,
        renew: Callable[[], None],
        between: Callable[[], None],
        is_due: Callable[[], bool],
    ) -> None:
        self._handler, self._journal, self._lanes = handler, journal, lanes
        self._renew, self._between, self._is_due = renew, between, is_due

    def run(self, entries: Sequence[StreamEntry], stop: threading.Event) -> None:
        """Handle every entry, or those of the rounds that were begun before `stop`.

        Raises:
            HybridError: as the handler does; what was not handled is left as it was delivered.
        """
        while len(entries) > 1 and not stop.is_set():
            self._between()
            with self._journal.together() as at_hand:
                if not at_hand:
                    break
                judged, left = self._judged(entries, stop)
            entries = [*self._carry_on(judged), *left]
        self._lanes.run(entries, self._handler.handle_entry, stop, self._between)

    def _judged(
        self, entries: Sequence[StreamEntry], stop: threading.Event
    ) -> tuple[list[JudgedEntry], Sequence[StreamEntry]]:
        """Judge those that can go together; return them, and the others."""
        judged: list[JudgedEntry] = []
        left: list[StreamEntry] = []
        orders: dict[str, set[str]] = {}
        """The buys of each token that has an order in this round; of one for which something waits, none."""
        for place, entry in enumerate(entries):
            self._renew()
            if place and (stop.is_set() or self._is_due() or _orders_in(judged) == ORDERS_AT_ONCE):
                return judged, [*left, *entries[place:]]
            token, buy = token_of(entry.json), buy_of(entry.json)
            if token in orders and (not buy or not orders[token] or buy in orders[token]):
                orders[token] = set()
                left.append(entry)
                continue
            step = self._handler.judge_entry(entry)
            if step is None:
                continue
            if token in orders and (step.alone or not step.at_turn):  # it tells of the lot that this order opens
                orders[token] = set()
                left.append(entry)
                continue
            judged.append(JudgedEntry(entry, step))
            self._journal.foresee(step.write)
            if step.at_turn:
                orders.setdefault(token, set()).update({buy} - {""} if not step.alone else ())
        return judged, left

    def _carry_on(self, judged: Sequence[JudgedEntry]) -> list[StreamEntry]:
        """Write the steps, then let the orders go out side by side; their ends are written together as they come.

        Return the entries whose steps were refused as others did not come to what was foreseen, in their order.
        """
        moved = set[str]()
        for ended in self._lanes.finished(self._written(judged, moved), self._renew):
            moved |= {one.entry.id for one in ended if one.moved}
            self._written(ended, moved)
        return [one.entry for one in judged if one.entry.id in moved]

    def _written(self, ready: Sequence[JudgedEntry], moved: set[str]) -> list[Callable[[], JudgedEntry]]:
        """Write the steps that are ready in one round trip, and end what ends with its step; return the other works."""
        steps = [(entry, step) for entry, step, _ in ready if step is not None]
        answers = self._journal.write_each([step.write for _, step in steps], [step.at_turn for _, step in steps])
        works: list[Callable[[], JudgedEntry]] = []
        for (entry, step), answer in zip(steps, answers, strict=True):
            work = partial(self._finished, entry, step, answer)
            if step.at_turn:
                works.append(work)
            elif work().moved:
                moved.add(entry.id)
        return works

    def _finished(self, entry: StreamEntry, step: ReadyStep, answer: Answer) -> JudgedEntry:
        try:
            return JudgedEntry(entry, self._handler.finish_entry(entry, step, answer))
        except LedgerMoved:
            return JudgedEntry(entry, None, moved=True)


def _orders_in(judged: Sequence[JudgedEntry]) -> int:
    return sum(step is not None and step.at_turn for _, step, _ in judged)


def buy_of(text: str) -> str:
    """Return the id of the leader's buy that an event is; '' where it is anything else, or is not in our own words."""
    found = _BUY.match(text)
    return found[1] if found else ""
