"""The port of a source: it is polled, one scope at a time, and hands on what it saw. Pure.

A source keeps its place in its upstream (a cursor for each leader). It moves on only after the sink has everything
durably published, so a crash at any moment costs a re-read, never a fill.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from detector.domain.fill_view import FillView
from shared.domain.errors import HybridError


class Stopping(HybridError):
    """The detector ends; what was handed in is not published and the cursor must not move."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one step of a poll saw, and where each leader's cursor may move once it is published.

    `merges` hold what was no trade: shares of every outcome given back, one fill for each outcome. `kept_ms` is for how
    long a cache had kept the answer. `replaces` names transactions that are another one's match, sent again.
    """

    source: str
    views: tuple[FillView, ...]
    cursors: Mapping[str, int] = field(default_factory=dict[str, int])
    rows: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict[str, int])
    problems: tuple[str, ...] = ()
    merges: tuple[FillView, ...] = ()
    kept_ms: int = 0
    replaces: Mapping[str, str] = field(default_factory=dict[str, str])


Sink = Callable[[Batch], None]
"""Returns once the batch is durably published and its cursors are stored.

Raises:
    Stopping: it will not be.
"""


class Source(Protocol):
    """One way to learn of fills."""

    @property
    def name(self) -> str:
        """Say how it is called in signals and reports."""
        ...

    @property
    def scopes(self) -> tuple[str, ...]:
        """List what is polled in one go: a leader, or `all`."""
        ...

    @property
    def every_s(self) -> float:
        """Say how often each scope should be polled."""
        ...

    def poll(self, scope: str, sink: Sink) -> None:
        """Read what is new for `scope` and hand it to `sink`, oldest first.

        Raises:
            TryAgain: the upstream is throttled or away.
            GiveUp: it refuses, or answers what cannot be read.
            Stopping: the detector ends.
        """
        ...
