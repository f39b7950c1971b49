"""The one outlet of a program's lines: a reader that stops reading, or leaves, costs lines and nothing else.

A program that runs for long calls `install_outlet`; whatever is written to stdout or stderr then goes through an
`LineOutlet`:

- A line that its reader takes at once is written in the caller's own call, so a file, a terminal and a pipe that is
  read get every line, in order, before the call returns.
- What the reader does not take now waits, up to `MOST_WAITING_BYTES`, and is written by a thread that lives only while
  something waits. No caller ever waits for a reader; where the kernel may make a writer wait (`OutputDescriptor`), that
  thread alone writes, and never while it holds what callers need.
- What does not fit any more is dropped, whole lines at a time, counted (`hybrid_lines_dropped_total`) and said once
  when the reader reads again. For a reader that left every line is dropped and counted; the process goes on. What a
  full disk refuses is dropped and counted too, and the next line is tried again.

In the pipe form (`detector | buyer --stdin`) the lines are the product: a buyer that is busy for an hour finds all its
signals, for what waits is kept, in order. Only beyond that are lines dropped, and those are on the stream still; a
detector that waited for its reader instead would stop detecting for every other buyer and for all exits.
Commands that print one answer and end (`hybrid why | less`) do not install it: they wait for their reader.
"""

import atexit
import io
import os
import sys
import threading
from collections import deque
from typing import TextIO

from shared import logs, metrics
from shared.process.output_descriptor import OutputDescriptor, reader_left

MOST_WAITING_BYTES = 16 << 20
LAST_LINES_S = 0.9
"""Seconds that what still waits has at the end of the process."""
_LOOK_EVERY_S = 0.25
_AGAIN_S = 0.02
"""Seconds until what took nothing is tried again: a terminal that is full says all the same that it takes more."""
_LINE_END = ord("\n")
_ENDS_S = 0.5
"""Seconds a thread that writes has to notice the end; it looks more often."""


class LineOutlet(io.TextIOBase):
    """A text stream over a file descriptor whose writers never wait and never hear of a reader that left."""

    encoding = "utf-8"
    line_buffering = True
    """A whole line is written at once: nobody has to flush it."""

    def __init__(self, number: int, stream: str, *, most_waiting: int = MOST_WAITING_BYTES) -> None:
        self.dropped = 0
        self._number, self._stream, self._most = number, stream, most_waiting
        self._reader = OutputDescriptor(number)
        self._changed = threading.Condition()
        self._begun = ""
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = self._untold = 0
        self._left = self._ending = self._writing = self._within_line = self._torn = False
        self._thread: threading.Thread | None = None

    def write(self, text: str, /) -> int:
        """Write `text`; what is no whole line yet goes out with its end, or at `flush`."""
        with self._changed:
            whole, line_end, self._begun = (self._begun + text).rpartition("\n")
            left, told = self._put(whole + line_end)
        self._say(told, left=left)
        return len(text)

    def flush(self) -> None:
        """Write what is no whole line yet."""
        with self._changed:
            text, self._begun = self._begun, ""
            left, told = self._put(text)
        self._say(told, left=left)

    def finish(self, seconds: float = LAST_LINES_S) -> None:
        """Give what waits so many seconds to get out, then drop it, and end the thread."""
        self.flush()
        with self._changed:
            self._changed.wait_for(lambda: not self._writing, seconds)
            self._ending = True
            self._drop_waiting()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(_ENDS_S)
        with self._changed:
            self._left |= self._reader.close()

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Say whether a terminal shows it."""
        return not self._left and os.isatty(self._number)

    def writable(self) -> bool:
        """Say yes, also when nobody reads."""
        return True

    def _put(self, text: str) -> tuple[bool, int]:
        """Write or keep `text`; return whether its reader turned out to have left now, and dropped lines to tell of."""
        if not text:
            return False, 0
        data, before = text.encode("utf-8", "backslashreplace"), self._left
        at_once = not (self._writing or self._left or self._reader.may_wait)
        rest, refused = self._written(data) if at_once else (data, 0)
        if self._left or self._ending or self._waiting_bytes + len(rest) > self._most:
            self._drop(rest)
        elif rest:
            self._keep(rest)
        told = 0 if refused or rest or not at_once else self._take_untold()
        return self._left and not before, told

    def _keep(self, data: bytes) -> None:
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if not self._writing:
            self._writing = True
            self._thread = threading.Thread(target=self._write_waiting, name=f"{self._stream}-lines", daemon=True)
            self._thread.start()

    def _written(self, data: bytes) -> tuple[bytes, int]:
        """Write what the reader takes now; return the rest, and how many bytes were refused for now and dropped."""
        try:
            while data and not self._left:
                if self._torn and self._reader.take(b"\n"):
                    self._torn = False
                taken = 0 if self._torn else self._reader.take(data)
                if not taken:
                    return data, 0
                self._within_line = data[taken - 1] != _LINE_END
                data = data[taken:]
        except (OSError, ValueError) as error:
            if not reader_left(error):
                self._torn = self._within_line
                self._drop(data)
                return b"", len(data)
            self._left = True
        return data, 0

    def _write_waiting(self) -> None:
        """Write what waits, until nothing does. The thread's whole life; it holds no lock while it writes."""
        while (data := self._next_waiting()) is not None:
            rest, _ = self._written(data)
            self._put_back(data, rest)
            if len(rest) == len(data):
                self._pause()
        with self._changed:
            self._writing = False
            self._drop_waiting()
            left, told = self._left, 0 if self._left else self._take_untold()
            self._changed.notify_all()
        self._say(told, left=left)

    def _next_waiting(self) -> bytes | None:
        with self._changed:
            over = self._left or self._ending or not self._waiting
            return None if over else self._waiting.popleft()

    def _put_back(self, data: bytes, rest: bytes) -> None:
        """Keep what was not taken, in its place."""
        with self._changed:
            self._waiting_bytes -= len(data) - len(rest)
            if rest:
                self._waiting.appendleft(rest)

    def _pause(self) -> None:
        self._reader.wait_until_taken(_LOOK_EVERY_S)
        with self._changed:
            self._changed.wait_for(lambda: self._ending, _AGAIN_S)

    def _take_untold(self) -> int:
        told, self._untold = self._untold, 0
        return told

    def _drop_waiting(self) -> None:
        while self._waiting:
            data = self._waiting.popleft()
            self._waiting_bytes -= len(data)
            self._drop(data)

    def _drop(self, data: bytes) -> None:
        lines = data.count(b"\n") or bool(data)
        if lines:
            with self._changed:
                self.dropped += lines
                self._untold += lines
            _count(self._stream, lines)

    def _say(self, dropped: int, *, left: bool) -> None:
        """Say what was lost; once that nobody reads stdout any more: of stderr there is nowhere to say it."""
        if dropped:
            logs.get_logger("process").warning("lines_dropped", stream=self._stream, lines=dropped)
        if left and self._stream == "stdout":
            logs.get_logger("process").warning("stdout_closed", fix="its reader left; the process goes on without it")


def print_line(line: str) -> None:
    """Write one line to stdout, for whoever reads it; nobody hears of a reader that left, outlet or not."""
    try:
        sys.stdout.write(line + "\n")
        if not getattr(sys.stdout, "line_buffering", False):
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
