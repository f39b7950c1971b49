"""A websocket connection that plays a script."""

from collections.abc import Callable

from shared.clock import ManualClock
from shared.domain.errors import Unavailable


class FakeLine:
    """A connection that plays a script: a frame, None for a silent while, an error, or a thing to do."""

    def __init__(self, clock: ManualClock, *script: str | Exception | Callable[[], None] | None) -> None:
        self.sent: list[str] = []
        self.closed = False
        self._clock, self._script = clock, list(script)

    def send(self, text: str) -> None:
        self.sent.append(text)

    def receive(self, timeout_s: float) -> str | None:
        step = self._script.pop(0) if self._script else Unavailable("the script is over")
        if isinstance(step, Exception):
            raise step
        if step is None:
            self._clock.advance(timeout_s)
        elif callable(step):
            step()
        return step if isinstance(step, str) else None

    def close(self) -> None:
        self.closed = True
