"""Another word on what one node alone shows: a second node's receipt, or the proof of the transaction itself.

It is asked the moment a fill begins to wait, on a thread of its own, so that it stands in nobody's way; what it shows
is one more source's view of the fill.
"""

import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from detector.domain.evidence import Evidence, Shown
from detector.domain.fill_view import FillView
from detector.domain.signal_builder import CATCH_UP_MS
from detector.domain.signal_draft import UnconfirmedFill
from shared import logs
from shared.clock import Clock
from shared.domain.errors import GiveUp, HybridError
from shared.polymarket.polygon import BATCH

AGAIN_S = 0.5
"""A node that does not have the block yet is asked again after this long."""
MOST = 10_000
"""Fills that are asked for; what is beyond waits for the venue's word alone."""
_STOP_CHECK_S = 0.2


@dataclass(slots=True)
class _Question:
    fill: UnconfirmedFill
    ends_at: float
    next_at: float = 0.0


class ReceiptWitness:
    """Asks about fills that wait, until the evidence shows them or `within_s` are over."""

    def __init__(self, evidence: Evidence, *, within_s: float, clock: Clock, stop: threading.Event) -> None:
        self._evidence, self._within_s, self._clock, self._stop = evidence, within_s, clock, stop
        self._tell: Callable[[Iterable[FillView]], None] = lambda _: None
        self._inbox: queue.SimpleQueue[UnconfirmedFill] = queue.SimpleQueue()
        self._open: list[_Question] = []
        self._away, self._at_once = False, BATCH
        self._thread = threading.Thread(target=self._run, name=evidence.name, daemon=True)
        self._log = logs.get_logger("detector", source=evidence.name)

    def start(self, tell: Callable[[Iterable[FillView]], None]) -> None:
        """Begin; `tell` gets what the node shows."""
        self._tell = tell
        self._thread.start()

    def join(self, seconds: float) -> bool:
        """Wait for the thread after `stop`; return False when it is still busy."""
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    def ask(self, fills: Iterable[UnconfirmedFill]) -> None:
        """Ask about fills soon; never waits. What is no news any more is not asked for: no order follows it."""
        for fill in fills:
            if self._inbox.qsize() < MOST and fill.seen_at_ms - fill.traded_at_ms <= CATCH_UP_MS:
                self._inbox.put(fill)

    def look(self) -> None:
        """Ask about everything whose turn has come, the newest first, many transactions in one request."""
        now = self._clock.monotonic()
        self._open = [one for one in self._open if now < one.ends_at]
        due = [one for one in reversed(self._open) if now >= one.next_at]
        sent = list(dict.fromkeys(one.fill.key.tx_hash for one in due))[: self._at_once]
        asked = [one for one in due if one.fill.key.tx_hash in sent]
        if not asked:
            return
        for one in asked:
            one.next_at = now + AGAIN_S
        shown = zip(asked, self._look_for([one.fill for one in asked]), strict=False)
        now_ms = self._clock.now_ms()
        told = [(one, FillView(self._evidence.name, now_ms, fills)) for one, fills in shown if fills]
        self._open = [one for one in self._open if all(one is not done for done, _ in told)]
        if told:
            self._tell([view for _, view in told])

    def _run(self) -> None:
        while not self._stop.is_set():
            self._take_new()
            self.look()

    def _take_new(self) -> None:
        """Take in what is new, waiting a little for the first where nothing else is due."""
        wait_s = max(0.0, min([_STOP_CHECK_S, *(one.next_at - self._clock.monotonic() for one in self._open)]))
        while len(self._open) < MOST:
            try:
                fill = self._inbox.get(block=wait_s > 0, timeout=wait_s or None)
            except queue.Empty:
                return
            self._open.append(_Question(fill, self._clock.monotonic() + self._within_s))
            wait_s = 0.0

    def _look_for(self, fills: list[UnconfirmedFill]) -> list[Shown]:
        """Return what is known of each; nothing while nobody can be asked."""
        try:
            found = self._evidence.look_for(fills)
        except HybridError as error:
            if not self._away:
                name, fix = self._evidence.name, "SECOND_RPC_URL, RPC_URL; fills wait for the venue"
                self._log.warning("evidence_away", evidence=name, error=str(error), fix=fix)
            self._away = True
            self._at_once = 1 if isinstance(error, GiveUp) else self._at_once  # some nodes refuse batches
            return []
        self._away = False
        return found
