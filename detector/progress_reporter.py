"""The detector's reports: each event as one JSON line, signals to a callback, progress to the stream."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TextIO

from redis import Redis

from shared import logs
from shared.domain.errors import HybridError
from shared.messages.base import SIGNALS, Event
from shared.messages.events import write_event
from shared.messages.service import HybridProgress
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted
from shared.messages.value_codec import plain_value
from shared.redis.streams import publish_event

MOST_LIVE_TOKENS = 200
"""Tokens named in a report; the buyer warms the books of these."""

SignalCallback = Callable[[dict[str, Any]], None]
ProgressCallback = Callable[[HybridProgress], None]


class ProgressReporter:
    """Write events out. Neither a reader that went away nor a callback that fails stops the detector (pitfall 29).

    What `out` did not take is on the stream; an exit may depend on it, whoever reads here (`shared/process/outlet`).
    """

    def __init__(
        self,
        redis: Redis,
        out: TextIO,
        signal_callback: SignalCallback | None = None,
        progress_callback: ProgressCallback | None = None,
    ) -> None:
        self._closed = False
        self._redis, self._out = redis, out
        self._signal_callback, self._progress_callback = signal_callback, progress_callback
        self._lock = threading.Lock()
        self._live: OrderedDict[str, None] = OrderedDict()
        self._log = logs.get_logger("detector")

    def signal(self, signal: ActionableSignal) -> None:
        """Report a signal that is durably published."""
        self._note_live(signal.token_id)
        self._write(signal)
        if self._signal_callback is None:
            return
        try:
            self._signal_callback(plain_value(signal))
        except Exception:  # noqa: BLE001 - an embedder's bug must not stop us (S2)
            self._log.exception("signal_callback_failed", signal=signal.id)

    def retraction(self, gone: FillRetracted) -> None:
        """Report that a signal was taken back: a buyer behind a pipe has no other word of it."""
        self._write(gone)

    def confirmation(self, event: FillConfirmed) -> None:
        """Report that a pending signal is confirmed: likewise."""
        self._write(event)

    def progress(self, report: HybridProgress) -> None:
        """Report how things are; the stream gets it if it can."""
        self._write(report)
        try:
            publish_event(self._redis, SIGNALS, report)
        except HybridError as error:
            self._log.warning("progress_unpublished", error=str(error))
        if self._progress_callback is None:
            return
        try:
            self._progress_callback(report)
        except Exception:  # noqa: BLE001 - an embedder's bug must not stop us (S2)
            self._log.exception("progress_callback_failed")

    def live_tokens(self) -> tuple[str, ...]:
        """Return the tokens leaders traded last, newest last."""
        with self._lock:
            return tuple(self._live)

    def _note_live(self, token_id: str) -> None:
        with self._lock:
            self._live[token_id] = None
            self._live.move_to_end(token_id)
            while len(self._live) > MOST_LIVE_TOKENS:
                self._live.popitem(last=False)

    def _write(self, event: Event) -> None:
        try:
            with self._lock:
                if not self._closed:
                    self._out.write(write_event(event) + "\n")
                    self._out.flush()
        except (OSError, ValueError) as error:
            self._closed = True  # a reader that went away does not come back; the stream has everything
            _silence(self._out)
            self._log.warning("stdout_closed", error=str(error))


def _silence(out: TextIO) -> None:
    """Let Python's own flush at exit find nothing to say to a reader that went away."""
    with contextlib.suppress(OSError, ValueError):
        out.close()
