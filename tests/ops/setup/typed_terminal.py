"""A program on a terminal of its own, typed at as a person does, and read as it stands on the screen."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pexpect
import pyte

from shared.setting_names import KNOWN
from tests.waiting import PATIENCE_S, wait_until

ROOT = Path(__file__).resolve().parents[3]
ENTER, CTRL_C, CLEAR, DOWN = "\r", "\x03", "\x15", "\x1b[B"
WIDE, HIGH = 160, 200


def _hear_ctrl_c() -> None:
    """Undo what a test run in the background hands down: SIGINT is ignored there, and a person's terminal sends it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class TypedTerminal:
    """`hybrid` with some words, in a folder, on a screen that is high enough to keep everything."""

    def __init__(self, words: list[str], folder: Path, env: Mapping[str, str] | None = None) -> None:
        told = {name: value for name, value in os.environ.items() if name not in KNOWN}
        told |= {"PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm", "PYTHONPATH": str(ROOT), **(env or {})}
        self._screen = pyte.Screen(WIDE, HIGH)
        self._stream = pyte.Stream(self._screen)
        self._text: str | None = ""
        self._program: Any = pexpect.spawn(
            sys.executable,
            ["-m", "ops.cli", *words],
            cwd=str(folder),
            env=told,
            encoding="utf-8",
            dimensions=(HIGH, WIDE),
            preexec_fn=_hear_ctrl_c,
        )

    @property
    def text(self) -> str:
        """Return what stands on the screen now, drawn anew only where it changed: drawing takes longest."""
        if self._text is None:
            self._text = "\n".join(line.rstrip() for line in self._screen.display).strip()
        return self._text

    def until(self, words: str, times: int = 1) -> None:
        """Read until the words stand there so many times."""
        wait_until(lambda: self._read() and self.text.count(words) >= times, f"{words!r} x{times} in:\n{self.text}")

    def type(self, words: str) -> None:
        self._program.send(words)

    def answer(self, question: str, words: str, times: int = 1) -> None:
        """Wait for a question, put `words` in place of what stands there, and enter it."""
        self.until(question, times)
        self.type(f"{CLEAR}{words}{ENTER}")

    def answer_default(self, question: str) -> None:
        """Wait for a question and enter what stands there."""
        self.until(question)
        self.type(ENTER)

    def ended(self) -> int:
        """Read to the end; return the exit code."""
        wait_until(lambda: self._read() and not self._program.isalive(), f"the end in:\n{self.text}", PATIENCE_S)
        self._read()
        self._program.close()
        return self._program.exitstatus if self._program.exitstatus is not None else -(self._program.signalstatus or 0)

    def close(self) -> None:
        self._program.close(force=True)

    def _read(self) -> bool:
        try:
            while True:
                self._stream.feed(self._program.read_nonblocking(65_536, timeout=0))
                self._text = None
        except (pexpect.TIMEOUT, pexpect.EOF):
            return True
