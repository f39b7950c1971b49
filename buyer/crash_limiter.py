"""The limit on how often a step may fail before it is given up (pitfall 29)."""

from collections import Counter
from collections.abc import Callable

from shared import logs
from shared.domain.errors import GiveUp, HybridError, OutcomeUnknown

MOST_ATTEMPTS = 3


class Crashed(OutcomeUnknown):
    """A step ended in a way that nobody thought of: everything that was under way is looked at before going on."""


class CrashLimiter:
    """Counts the crashes of each step by name."""

    def __init__(self) -> None:
        self._crashes: Counter[str] = Counter()
        self._log = logs.get_logger("buyer")

    def make(
        self, name: str, step: Callable[[], object], give_up: Callable[[str], object], *, ends: bool = True
    ) -> None:
        """Run `step`; one that can never work, or crashed often enough, is given up with its reason.

        Its crashes are forgotten when it `ends` well; another part of it may follow.

        Raises:
            Crashed: make it again.
            HybridError: as `step` raises it, unless it says that it can never work.
        """
        try:
            step()
        except GiveUp as error:
            give_up(str(error))
        except HybridError:
            raise
        except Exception as error:
            self._crashes[name] += 1
            self._log.exception("handler_failed", name=name, attempt=self._crashes[name])
            if self._crashes[name] < MOST_ATTEMPTS:
                raise Crashed(f"{name} failed: {error}") from error
            give_up(f"failed {MOST_ATTEMPTS} times: {type(error).__name__}: {error}")
            ends = True
        if ends:
            self._crashes.pop(name, None)
