"""What stands in for protections that no setting switches off: the code as it was before there were any."""

import secrets
from typing import Any


def always(*_: Any) -> bool:  # noqa: ANN401 - for any function
    """Say yes: what was seen once is believed."""
    return True


def nothing(*_: Any, **__: Any) -> None:  # noqa: ANN401 - for any function
    """Refuse nothing, remember nothing."""


def due_by_wall_clock(times: Any, task: Any) -> bool:  # noqa: ANN401 - for `AttemptTimes.is_due`
    """Say whether an exit is to be tried now, by the wall clock alone."""
    return bool(task.next_at_ms <= times._clock.now_ms())  # noqa: SLF001 - as a method of it


def random_digits(*_: Any) -> str:  # noqa: ANN401 - for `fact_id`
    """Return what is another each time: an order signed twice is two orders."""
    return secrets.token_hex(32)
