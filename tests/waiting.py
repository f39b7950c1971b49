"""How long tests wait for what must come: long, since a busy machine is slow and only a failure waits to the end.

Nothing real is timed: a test waits for a condition, and what must happen *within* a time is tested on a clock that the
test moves itself.
"""

import threading
from collections.abc import Callable

from shared.clock import SystemClock

PATIENCE_S = 120.0
"""Seconds after which what did not come is taken for lost."""
_NEVER = threading.Event()


def wait_until(done: Callable[[], object], what: str = "it", seconds: float = PATIENCE_S) -> None:
    """Wait for something that happens elsewhere; say what did not.

    Looking costs what the programs under test could use: what has taken long is looked at less often.
    """
    clock = SystemClock()
    began = clock.monotonic()
    while not done():
        waited = clock.monotonic() - began
        assert waited < seconds, f"after {seconds:g} s still not: {what}"
        clock.wait(_NEVER, min(0.2, max(0.02, waited / 20)))
