"""The one outlet of a program's lines: a reader that stops reading, or leaves, costs lines and nothing else.

A program that runs for long calls `install_outlet`; whatever is written to stdout or stderr then goes through an
`LineOutlet`:

- A line that its reader takes at once is written in the caller's own call, so a file, a terminal and a pipe that is
  read get every line, in order, before the call returns.
- What the reader does not take now waits, up to `MOST_WAITING_BYTES`, and is written by a thread that lives only while
  something waits. No caller ever waits for a reader.
- What does not fit any more is dropped, whole lines at a time, counted (`hybrid_lines_dropped_total`) and said once
  when the reader reads again. For a reader that left every line is dropped and counted; the process goes on.

In the pipe form (`detector | buyer --stdin`) the lines are the product: a buyer that is busy for an hour finds all its
signals, for what waits is kept, in order. Only beyond that are lines dropped, and those are on the stream still; a
detector that waited for its reader instead would stop detecting for every other buyer and for all exits.
Commands that print one answer and end (`hybrid why | less`) do not install it: they wait for their reader.
"""

import atexit
import io
import os
import select
import stat
import sys
import threading
from collections import deque
from typing import TextIO

from shared import logs, metrics

MOST_WAITING_BYTES = 16 << 20
LAST_LINES_S = 0.9
"""Seconds that what still waits has at the end of the process."""
_LOOK_EVERY_S = 0.25
_AT_ONCE = 4096
"""Bytes that a pipe which can be written to takes without waiting (PIPE_BUF)."""


class LineOutlet(io.TextIOBase):
    """A text stream over a file descriptor whose writers never wait and never hear of a reader that left."""

    encoding = "utf-8"

    def __init__(self, number: int, stream: str, *, most_waiting: int = MOST_WAITING_BYTES) -> None:
        self.dropped = 0
        self._number, self._stream, self._most = number, stream, most_waiting
        self._own = _without_waiting(number)
        self._changed = threading.Condition()
        self._begun = ""
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = self._untold = 0
        self._left = self._ending = self._writing = False
        self._thread: threading.Thread | None = None

    def write(self, text: str, /) -> int:
        """Write `text`; what is no whole line yet goes out with its end, or at `flush`."""
        with self._changed:
            whole, line_end, self._begun = (self._begun + text).rpartition("\n")
            left = self._put(whole + line_end)
        self._say_left(left=left)
        return len(text)

    def flush(self) -> None:
        """Write what is no whole line yet."""
        with self._changed:
            text, self._begun = self._begun, ""
            left = self._put(text)
        self._say_left(left=left)

    def finish(self, seconds: float = LAST_LINES_S) -> None:
        """Give what waits so many seconds to get out, then drop it, and end the thread."""
        self.flush()
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._left, seconds)
            self._ending = True
            self._drop_waiting()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(2 * _LOOK_EVERY_S)
        with self._changed:
            own, self._own = self._own, self._number
            if own != self._number:
                os.close(own)

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Say whether a terminal shows it."""
        return not self._left and os.isatty(self._number)

    def writable(self) -> bool:
        """Say yes, also when nobody reads."""
        return True

    def _put(self, text: str) -> bool:
        """Write or keep `text`; return whether its reader turned out to have left just now."""
        if not text:
            return False
        data, before = text.encode("utf-8", "backslashreplace"), self._left
        rest = data if self._waiting or self._left else self._written(data)
        if self._left or self._ending or self._waiting_bytes + len(rest) > self._most:
            self._drop(rest)
        elif rest:
            self._keep(rest)
        return self._left and not before

    def _keep(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if not self._writing:
            self._writing = True
            self._thread = threading.Thread(target=self._write_waiting, name=f"{self._stream}-lines", daemon=True)
            self._thread.start()

    def _written(self, data: bytes) -> bytes:
        """Write what the reader takes now; return the rest."""
        while data and not self._left:
            taken = self._take(data)
            if not taken:
                return data
            data = data[taken:]
        return data

    def _take(self, data: bytes) -> int:
        """Write some bytes if that needs no waiting; return how many."""
        try:
            if not select.select((), (self._own,), (), 0)[1]:
                return 0
            return os.write(self._own, data[:_AT_ONCE])
        except BlockingIOError:
            return 0
        except (OSError, ValueError):
            self._left = True
            self._changed.notify_all()
            return 0

    def _write_waiting(self) -> None:
        """Write what waits, until nothing does. The thread's whole life."""
        while True:
            with self._changed:
                self._write_some()
                if not self._waiting or self._left or self._ending:
                    told, self._untold = (0, self._untold) if self._left else (self._untold, 0)
                    left, self._writing = self._left, False
                    self._drop_waiting()
                    self._changed.notify_all()
                    break
            self._until_taken()
        self._say_left(left=left)
        if told:
            logs.get_logger("process").warning("lines_dropped", stream=self._stream, lines=told)

    def _write_some(self) -> None:
        while self._waiting:
            data = self._waiting[0]
            rest = self._written(data)
            self._waiting_bytes -= len(data) - len(rest)
            if rest:
                self._waiting[0] = rest
                return
            self._waiting.popleft()

    def _until_taken(self) -> None:
        try:
            select.select((), (self._own,), (), _LOOK_EVERY_S)
        except (OSError, ValueError):
            return

    def _drop_waiting(self) -> None:
        while self._waiting:
            self._drop(self._waiting.popleft())
        self._waiting_bytes = 0

    def _drop(self, data: bytes) -> None:
        lines = data.count(b"\n") or bool(data)
        if lines:
            self.dropped += lines
            self._untold += lines
            _count(self._stream, lines)

    def _say_left(self, *, left: bool) -> None:
        """Say once that nobody reads stdout any more; of stderr there is nowhere to say it."""
        if left and self._stream == "stdout":
            logs.get_logger("process").warning("stdout_closed", fix="its reader left; the process goes on without it")


def print_line(line: str) -> None:
    """Write one line to stdout, for whoever reads it; without `install_outlet` too, a reader that left is no error."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        _count("stdout", 1)


def install_outlet() -> None:
    """Let all that this process writes go through outlets; where a test or an embedder has replaced a stream, not."""
    if sys.stdout is sys.__stdout__:
        sys.stdout = _outlet(sys.__stdout__, "stdout")
    if sys.stderr is sys.__stderr__:
        sys.stderr = _outlet(sys.__stderr__, "stderr")
        atexit.register(finish_outlet)


def finish_outlet(seconds: float = LAST_LINES_S) -> None:
    """Get out what still waits, as the last thing a process does; each stream has half of the time."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, LineOutlet):
            stream.finish(seconds / 2)


def _count(stream: str, lines: int) -> None:
    sentence = "Lines of stdout or stderr that were dropped because nobody read them."
    metrics.make_counter("lines_dropped_total", sentence, "stream").labels(stream).inc(lines)


def _outlet(stream: TextIO | None, name: str) -> LineOutlet:
    """Return the outlet of a standard stream; of one that was closed before we began, an outlet to nobody."""
    if stream is not None:
        stream.flush()
        return LineOutlet(stream.fileno(), name)
    return LineOutlet(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), name)


def _without_waiting(number: int) -> int:
    """Return the same pipe, opened anew so that writing never waits; others who share it keep theirs as it was.

    Without that (no /proc, or not a pipe) a write could still wait for a moment in which somebody else filled it.
    """
    try:
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            return os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return number
    return number
