"""The last place in the ledger that somebody saw: by it a server that went back in time is known in the next step.

Every step carries it, and the server compares before it writes anything: the highest number that was seen, and that
our own last step still stands at its number, as others may have written on after the server went back.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.errors import Emptied, ServerWentBack
from shared.domain.trading_controls import NOTES


class LedgerPlace(Struct, frozen=True, gc=False):
    """The highest step that was seen, and the last one of our own: its id and number."""

    seen: int = 0
    write_id: str = ""
    write_seq: int = 0
    controls: tuple[str, ...] = ()
    """The operator's controls that were on when they were read last."""
    doubt_since_ms: int = 0
    """When a loss was accepted of which not everything is found yet; 0 for none."""


@dataclass(frozen=True)
class LedgerLoss:
    """A ledger that stood at `seen` once and stands at `found` now; `controls` were on then."""

    seen: int
    found: int
    controls: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        """Return how many steps are gone at least; where others have written on since, nobody can tell more."""
        return max(1, self.seen - self.found)


class LedgerMarks:
    """The place of one writer, for all of its threads; `changed` hears that it moved on.

    While a `loss` stands nothing is written: who holds the marks accepts it, and does what follows from it.
    """

    def __init__(self, place: LedgerPlace | None = None, changed: Callable[[], None] = lambda: None) -> None:
        self._lock = threading.Lock()
        self._place, self._changed = place or LedgerPlace(), changed
        self.loss: LedgerLoss | None = None

    @property
    def place(self) -> LedgerPlace:
        """Return where the ledger was seen last."""
        return self._place

    def note(self, seq: int, write_id: str = "") -> None:
        """Note a number that was seen, and our own step that stands there."""
        with self._lock:
            before = self._place
            if seq <= before.seen and not (write_id and seq > before.write_seq):
                return
            own = (write_id, seq) if write_id and seq > before.write_seq else (before.write_id, before.write_seq)
            self._place = LedgerPlace(max(seq, before.seen), *own, before.controls, before.doubt_since_ms)
        self._changed()

    def note_controls(self, values: Mapping[str, int]) -> None:
        """Note which of the operator's controls are on, by the accounts of the whole ledger."""
        controls = tuple(name for name in NOTES if values.get(name))
        with self._lock:
            if controls == self._place.controls:
                return
            self._place = replace(self._place, controls=controls)
        self._changed()

    def went_back(self, seq: int) -> ServerWentBack | Emptied:
        """Note that the ledger stands at `seq` where it cannot; return what to raise."""
        if seq == 0:
            return Emptied(f"the ledger is empty, and step {self._place.seen} was seen: the server was emptied")
        with self._lock:
            self.loss = self.loss or LedgerLoss(self._place.seen, seq, self._place.controls)
            seen = self.loss.seen
        return ServerWentBack(f"the server went back: its ledger is at step {seq}, and step {seen} was seen")

    def accept(self, seq: int, now_ms: int) -> None:
        """Take the ledger as it stands now: it is in doubt, also after a restart, until `end_doubt`."""
        with self._lock:
            since_ms = self._place.doubt_since_ms or now_ms
            self._place, self.loss = LedgerPlace(seq, doubt_since_ms=since_ms), None
        self._changed()

    def end_doubt(self) -> None:
        """Note that everything the server forgot has been found."""
        with self._lock:
            self._place = replace(self._place, doubt_since_ms=0)
        self._changed()
