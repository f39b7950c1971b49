"""Told to stop while still importing: the first thing that every program is ready for.

The imports take a second or two; a signal in that time would end in a traceback or kill the process. This module must
stay the cheapest of all: until it is imported itself, nothing is ready.
"""

import gc
import os
import select
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing alone would take as long as all of this
    from types import FrameType, TracebackType
    from typing import Any


class early_signals:  # noqa: N801 - used as a statement: `with early("buyer"): import ...`
    """While the block runs, a stop signal ends the process at once with a line and 0: nothing is open yet.

    What a block imports stays for ever: nobody looks for garbage among it, meanwhile (a quarter of the time) or later.
    """

    def __init__(self, program: str, *, imports: bool = True) -> None:
        self._program, self._imports = program, imports
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        if self._imports:
            gc.disable()
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                self._before[number] = signal.signal(number, self._end)
            except ValueError:  # not the main thread: signals are not ours
                return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        if self._imports:
            gc.freeze()
            gc.enable()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, number: int, _frame: "FrameType | None") -> None:
        line = f"{self._program}: {signal.Signals(number).name}: ended before it began\n"
        try:
            if select.select((), (2,), (), 0)[1]:
                os.write(2, line.encode())
        finally:
            os._exit(0)
