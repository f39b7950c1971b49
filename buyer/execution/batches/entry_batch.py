"""Entries that were read together: judged one after the other, and written while the orders of those before are out.

Each is judged on the ledger as those before it will leave it: its step is refused when theirs did not come to that, and
the ledger's guards ask again when the steps are carried out; then it is judged by itself. A step goes out with what is
ready beside it, behind those that were sent before, and nobody waits for an answer but the order that leaves behind it.
Buys of a token may have their orders under way at once; whatever else has to do with a token that has an order under
way waits until all of them have ended.
"""

import re
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from buyer.execution.batches.batch_ports import EntryHandler, JudgedEntry, Lanes, StepWriter, Works
from buyer.execution.batches.ready_step import ReadyStep
from buyer.execution.batches.tokens_under_way import TokensUnderWay
from buyer.execution.journal import LedgerMoved
from buyer.token_executor import token_of
from shared.domain.ledger_write import Answer
from shared.redis.streams import StreamEntry

_BUY = re.compile(r'^\{"event":"ACTIONABLE_SIGNAL","version":\d+,"id":"([^"]*)".*?"side":"BUY"')
ORDERS_AT_ONCE = 16
"""Orders whose intents are sent at once: the first of them waits while the last is judged."""
MOST_ORDERS = 64
"""Orders under way at once, and lanes of a live shard: each leaves once its intent is written, behind no other."""
MOST_BEHIND = 64
"""Entries that are judged while one waits for the orders of its token to end."""


@dataclass
class _Progress:
    """How far a batch is: what is still to be judged, and what waits to be judged again; once over, nothing more is."""

    entries: deque[StreamEntry]
    lanes: Works[JudgedEntry]
    tokens: TokensUnderWay = field(default_factory=TokensUnderWay)
    again: set[str] = field(default_factory=set[str])
    passed: int = 0
    """Entries that were judged since one waits."""
    over: bool = False


class EntryBatch:
    """Handles what was read together: side by side where the ledger is at hand, else token by token.

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
        """Handle every entry, or those that were begun before `stop`.

        Raises:
            HybridError: as the handler does; what was not handled is left as it was delivered.
        """
        while len(entries) > 1 and not stop.is_set():
            self._between()
            with self._journal.together() as at_hand:
                if not at_hand:
                    break
                entries = self._together(entries, stop)
        self._lanes.run(entries, self._handler.handle_entry, stop, self._between)

    def _together(self, entries: Sequence[StreamEntry], stop: threading.Event) -> list[StreamEntry]:
        """Judge those that can go together and carry them on; return the others, and what moved, in their order."""
        with self._lanes.works(self._renew, JudgedEntry) as lanes:
            batch = _Progress(deque(entries), lanes)
            while True:
                judged = self._judged(batch, stop)
                ended = lanes.finished(wait=not judged)
                for one in ended:
                    self._note(batch, one)
                if not (judged or ended or lanes.busy):
                    break
                self._write([*ended, *judged], lanes)
        left = batch.again.union(entry.id for entry in batch.entries)
        return [entry for entry in entries if entry.id in left]

    def _judged(self, batch: _Progress, stop: threading.Event) -> list[JudgedEntry]:
        """Judge the next ones, as many as can leave at once."""
        judged: list[JudgedEntry] = []
        room = min(ORDERS_AT_ONCE, batch.lanes.room)
        while batch.entries and not batch.over and room > 0:
            self._renew()
            step = self._step_of(batch.entries.popleft(), batch)
            if step is not None:
                judged.append(step)
                room -= step.step is not None and step.step.at_turn
            batch.over = batch.over or stop.is_set() or self._is_due() or batch.passed >= MOST_BEHIND
        return judged

    def _step_of(self, entry: StreamEntry, batch: _Progress) -> JudgedEntry | None:
        """Judge one entry; None where it has come to its end, or waits to be judged again."""
        token, buy = token_of(entry.json), buy_of(entry.json)
        batch.passed += bool(batch.again)
        waits, step = batch.tokens.waits(token, buy), None
        if not waits:
            step = self._handler.judge_entry(entry, batch.tokens.beside(token))
        if waits or (step is not None and batch.tokens.keeps_back(token, step)):
            batch.tokens.close(token)
            batch.again.add(entry.id)
            return None
        if step is None:
            return None
        self._journal.foresee(step.write)
        batch.tokens.add(token, buy, step)
        return JudgedEntry(entry, step)

    @staticmethod
    def _note(batch: _Progress, ended: JudgedEntry) -> None:
        """Note what a step came to: once one was not written, none behind it is, so nothing more is judged on them."""
        if ended.moved:
            batch.again.add(ended.entry.id)
            batch.over = True

    def _write(self, ready: Sequence[JudgedEntry], lanes: Works[JudgedEntry]) -> None:
        """Send the steps that are ready in one round trip, each order to leave behind its own, side by side."""
        steps = [(entry, step) for entry, step, _ in ready if step is not None]
        if not steps:
            return
        answers = self._journal.write_each([step.write for _, step in steps], [step.at_turn for _, step in steps])
        orders, ends = list[Callable[[], JudgedEntry]](), list[Callable[[], JudgedEntry]]()
        for (entry, step), answer in zip(steps, answers, strict=True):
            (orders if step.at_turn else ends).append(partial(self._finished, entry, step, answer))
        if ends:
            lanes.begin(lambda: _each(ends), owed=True)
        for order in orders:
            lanes.begin(lambda order=order: [order()])

    def _finished(self, entry: StreamEntry, step: ReadyStep, answer: Answer) -> JudgedEntry:
        try:
            return JudgedEntry(entry, self._handler.finish_entry(entry, step, answer))
        except LedgerMoved:
            return JudgedEntry(entry, None, moved=True)


def _each(ends: Sequence[Callable[[], JudgedEntry]]) -> list[JudgedEntry]:
    """Let each end what it ends, whatever fails for another; raise the first error."""
    found, errors = list[JudgedEntry](), list[Exception]()
    for end in ends:
        try:
            found.append(end())
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
    if errors:
        raise errors[0]
    return found


def buy_of(text: str) -> str:
    """Return the id of the leader's buy that an event is; '' where it is anything else, or is not in our own words."""
    found = _BUY.match(text)
    return found[1] if found else ""
