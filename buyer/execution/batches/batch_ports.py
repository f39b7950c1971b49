"""The ports of a batch: who handles its entries, who writes its steps, and who works on several at once."""

import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, TypeVar

from buyer.execution.batches.ready_step import ReadyStep
from shared.domain.ledger_write import Answer, LedgerWrite
from shared.redis.streams import StreamEntry

T = TypeVar("T")


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

    def judge_entry(self, entry: StreamEntry, beside: Collection[str] = ...) -> ReadyStep | None:
        """Judge it and return its first step; None where it has none, or has come to its end.

        A buy goes `beside` the orders of these signals.
        """
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
        """Send steps in one round trip; whoever asks for an answer waits for it."""
        ...


class Works(Protocol[T]):
    """Works side by side, begun while others last; leaving the block raises what failed (`buyer/token_executor`)."""

    def __enter__(self) -> "Works[T]": ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None: ...

    @property
    def room(self) -> int:
        """Return how many can begin now without waiting for another; none after a failure."""
        ...

    @property
    def busy(self) -> bool:
        """Say whether one has not ended, or its result has not been taken."""
        ...

    def begin(self, work: Callable[[], list[T]], *, owed: bool = False) -> None:
        """Do a work on a lane of its own; after a failure only what is `owed`."""
        ...

    def finished(self, *, wait: bool) -> list[T]:
        """Return what has finished; where there is nothing yet, `wait` a while."""
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

    def works(self, meanwhile: Callable[[], None], of: type[T]) -> Works[T]:
        """Return what does works side by side."""
        ...
