"""Run checks side by side: each has its own time, and none hides another."""

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ops.setup.domain.check_line import CheckLine, failed
from shared.clock import Clock
from shared.domain.errors import HybridError
from shared.domain.exit_codes import CRASH, DEPENDENCY_MISSING, exit_code

_SLOW_FIX = "Ask again; where it stays so, find out what is in the way (a firewall, a proxy, the upstream itself)"


@dataclass(frozen=True)
class DoctorCheck:
    """One check: the line it is named by when it says nothing, and how it looks; it may say several lines."""

    name: str
    look: Callable[[], Sequence[CheckLine]]


def run_checks(checks: Sequence[DoctorCheck], clock: Clock, limit_s: float) -> list[CheckLine]:
    """Return every check's lines in the order given, within `limit_s` seconds whatever they do.

    A check that raises, or is not over in time, has a line that says so.
    """
    said: queue.SimpleQueue[tuple[int, list[CheckLine]]] = queue.SimpleQueue()
    for place, check in enumerate(checks):
        _start(check, place, said)
    found: dict[int, list[CheckLine]] = {}
    ends = clock.monotonic() + limit_s
    while len(found) < len(checks) and (left_s := ends - clock.monotonic()) > 0:
        try:
            place, lines = said.get(timeout=left_s)
        except queue.Empty:
            break
        found[place] = lines
    late = f"no answer within {limit_s:g} s"
    return [
        line
        for place, check in enumerate(checks)
        for line in found.get(place, [failed(check.name, late, _SLOW_FIX, DEPENDENCY_MISSING)])
    ]


def _start(check: DoctorCheck, place: int, said: "queue.SimpleQueue[tuple[int, list[CheckLine]]]") -> None:
    """Look on a thread of its own, which a process that ends does not wait for."""
    work = threading.Thread(target=lambda: said.put((place, _looked(check))), name=f"check-{check.name}", daemon=True)
    work.start()


def _looked(check: DoctorCheck) -> list[CheckLine]:
    try:
        return list(check.look())
    except HybridError as error:
        code = exit_code(error)
        return [failed(check.name, str(error), _fix(code), DEPENDENCY_MISSING if code == CRASH else code)]
    except Exception as error:  # noqa: BLE001 - said on its line; the other checks go on
        return [failed(check.name, f"the check crashed: {type(error).__name__}: {error}", "Please report this", CRASH)]


def _fix(code: int) -> str:
    return "Ask again in a minute" if code in {CRASH, DEPENDENCY_MISSING} else "Change what the line names"
