"""The last places in ledgers on this machine's own disk: a restart still knows a server that went back meanwhile.

A file for each writer, replaced whole and synced, a fifth of a second behind what was seen at most: never in the way of
an order. An older place only knows less; it never says that something is lost which is not.
"""

import contextlib
import json
import os
import re
import threading
from pathlib import Path
from typing import Any, cast

from msgspec.structs import asdict

from shared import logs
from shared.clock import Clock
from shared.ledger.ledger_marks import LedgerMarks, LedgerPlace

EVERY_S = 0.2
_STOP_CHECK_S = 0.2
_SYNC = getattr(os, "fdatasync", os.fsync)
"""The times of the file, which nobody reads, take as long as all the rest; not every system can leave them out."""
_FORM = 1


class MarksFolder:
    """Keeps the marks of one process and server in `folder`; the thread ends with `stop`."""

    def __init__(self, folder: Path, server: str, *, clock: Clock, stop: threading.Event) -> None:
        self._folder, self._server, self._clock, self._stop = folder, server, clock, stop
        self._marks: dict[Path, LedgerMarks] = {}
        self._saved: dict[Path, LedgerPlace] = {}
        self._changed, self._lock = threading.Event(), threading.Lock()
        self._thread: threading.Thread | None = None
        self._log = logs.get_logger("ledger")

    def marks(self, name: str) -> LedgerMarks:
        """Return a writer's marks as they were kept last."""
        file = self._folder / f"ledger-{self._server}-{re.sub(r'[^A-Za-z0-9]+', '-', name)}.json"
        place = self._read(file)
        marks = LedgerMarks(place, self._note_change)
        with self._lock:
            self._marks[file] = marks
            self._saved[file] = place or LedgerPlace()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="marks", daemon=True)
                self._thread.start()
        return marks

    def _note_change(self) -> None:
        if not self._changed.is_set():  # every step of the ledger comes by here
            self._changed.set()

    def save(self) -> None:
        """Write what moved on since the last time."""
        with self._lock:
            for file, marks in self._marks.items():
                place = marks.place
                if place != self._saved[file]:
                    self._write(file, place)
                    self._saved[file] = place

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._changed.wait(_STOP_CHECK_S):
                self._changed.clear()
                self._try_to_save()
                self._clock.wait(self._stop, EVERY_S)
        self._try_to_save()

    def _try_to_save(self) -> None:
        try:
            self.save()
        except OSError as error:
            self._log.error("marks_not_kept", error=str(error), fix="RUN_DIR must be writable")

    def _read(self, file: Path) -> LedgerPlace | None:
        try:
            said = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
            return LedgerPlace(
                int(said["seen"]),
                str(said["write_id"]),
                int(said["write_seq"]),
                tuple(map(str, said["controls"])),
                doubt_since_ms=int(said.get("doubt_since_ms") or 0),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._log.error("marks_unreadable", file=str(file), error=str(error), fix="it is written anew")
            return None

    @staticmethod
    def _write(file: Path, place: LedgerPlace) -> None:
        """Replace the file, in as few calls as that takes: it is done several times a second."""
        beside, text = f"{file.with_suffix('')}.{os.getpid()}.new", json.dumps({"form": _FORM, **asdict(place)})
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            written = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
            try:
                os.write(written, text.encode())
                _SYNC(written)
            finally:
                os.close(written)
            Path(beside).replace(file)
        except OSError:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise
