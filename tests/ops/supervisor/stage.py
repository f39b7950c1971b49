"""A pipeline of test programs, run on a thread."""

import os
import threading
from pathlib import Path

from ops.domain.restart_policy import RestartBackoff
from ops.supervisor.child import ChildProcess, ChildProgram
from ops.supervisor.pipeline import ProcessPipeline
from shared.clock import SystemClock
from shared.domain.errors import HybridError
from tests.waiting import PATIENCE_S, wait_until

HERE = Path(__file__).resolve().parent
CLOCK = SystemClock()


class Stage:
    """A pipeline of test programs of one module; a trace says what each did."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.lines: list[tuple[str, str]] = []
        self.stop = threading.Event()
        self.error: HybridError | None = None
        self._thread = threading.Thread(target=self._run)

    def run(self, *, module: str = "programs", optional: tuple[str, ...] = (), **programs: str) -> None:
        """Run programs by name; the order given is the order they are ended in."""
        env = {"PYTHONPATH": os.pathsep.join([str(HERE.parents[2]), str(HERE)])}
        self.children = [
            ChildProcess(
                ChildProgram(
                    name, module, env, (what, str(self._folder / name)), signs=True, optional=name in optional
                ),
                lambda name, line: self.lines.append((name, line)),
                CLOCK,
                RestartBackoff(first_s=0.01),
            )
            for name, what in programs.items()
        ]
        self.pipeline = ProcessPipeline(self.children, clock=CLOCK)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.pipeline.run(self.stop)
        except HybridError as error:
            self.error = error

    def end(self) -> None:
        """Tell all to stop, and wait until they have."""
        self.stop.set()
        if self._thread.ident is not None:
            self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive()

    def ended(self) -> bool:
        """Say whether the pipeline ended."""
        return not self._thread.is_alive()

    def pid(self, name: str) -> int:
        """Return the id of a program's process, once it runs."""
        (child,) = (child for child in self.children if child.name == name)
        wait_until(lambda: child.running, name)
        return child.pid or 0

    def did(self, name: str) -> list[str]:
        """Return the words of a program's trace."""
        file = self._folder / name
        return file.read_text().split() if file.exists() else []

    def order(self) -> list[str]:
        """Return the lines of all traces in the order they were written."""
        return (self._folder / "all").read_text().splitlines()
