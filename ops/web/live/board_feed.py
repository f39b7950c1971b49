"""The board, read again and again while somebody watches: once for all of them."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from ops.board.board import Board
from ops.web.live.regions import draw_regions
from ops.web.templating import PageWriter
from shared import logs
from shared.clock import Clock
from shared.domain.errors import HybridError

ReadBoard = Callable[[], Board]
_IDLE_S = 0.1
"""How soon a new viewer, or a control that was turned here, is seen."""


@dataclass(frozen=True)
class BoardLook:
    """One look: the board (None before the first), when it was read, and why the last try failed ('' it did not).

    `drawn` are the regions of a page; `number` grows with each look.
    """

    number: int = 0
    board: Board | None = None
    read_at_ms: int = 0
    away: str = ""
    drawn: Mapping[str, str] | None = None


class BoardFeed:
    """Keeps the latest look; a thread of its own runs `keep_looking`."""

    def __init__(self, read: ReadBoard, writer: PageWriter, clock: Clock, every_s: float) -> None:
        self._read, self._writer, self._clock, self._every_s = read, writer, clock, every_s
        self._looking, self._viewers, self._joined = threading.Lock(), 0, threading.Event()
        self._log = logs.get_logger("web")
        self.latest = BoardLook()
        self.closing = False

    def join_viewer(self) -> None:
        """Look for one more."""
        self._viewers += 1
        self._joined.set()

    def leave_viewer(self) -> None:
        """Look for one less."""
        self._viewers -= 1

    def look(self) -> BoardLook:
        """Return a look that is fresh enough for a page that is asked for now."""
        if self._age_s() >= self._every_s or self.latest.number == 0:
            self._take_look()
        return self.latest

    def look_anew(self) -> BoardLook:
        """Return a look that began after this call: it shows what was just done."""
        self._take_look()
        return self.latest

    def keep_looking(self, stop: threading.Event) -> None:
        """Look while there are viewers, until `stop`."""
        while not self._clock.wait(stop, _IDLE_S):
            if self._viewers > 0 and (self._joined.is_set() or self._age_s() >= self._every_s):
                self._joined.clear()
                self._take_look()
        self.closing = True

    def _age_s(self) -> float:
        return (self._clock.now_ms() - self.latest.read_at_ms) / 1000

    def _take_look(self) -> None:
        with self._looking:
            before = self.latest
            try:
                board = self._read()
            except HybridError as error:
                look = replace(before, number=before.number + 1, away=str(error))
            else:
                look = BoardLook(before.number + 1, board, self._clock.now_ms())
            self.latest = replace(look, drawn=draw_regions(self._writer, look.board, look.away, look.read_at_ms))
