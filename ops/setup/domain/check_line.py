"""One line of `hybrid doctor`: what was looked at, what was found, and the fix; and what all of them say together."""

from collections.abc import Sequence
from typing import Any, Literal

from shared.domain.exit_codes import BAD_CONFIG, CLEAN, CRASH, DEPENDENCY_MISSING, REFUSED_FOR_SAFETY
from shared.domain.redaction import redact_text
from shared.domain.value import Value

CheckState = Literal["ok", "warn", "fail"]
_ORDER = (BAD_CONFIG, DEPENDENCY_MISSING, REFUSED_FOR_SAFETY, CRASH)
"""What a start would end with first: it reads its settings, then needs its server, then asks whether it may."""
_NAME_WIDTH = 18


class CheckLine(Value, frozen=True, kw_only=True):
    """One thing that was looked at; `code` is the exit code that a start would end with because of it."""

    name: str
    state: CheckState
    found: str
    fix: str = ""
    code: int = CLEAN

    def __str__(self) -> str:
        head = f"{self.state:<5} {self.name:<{_NAME_WIDTH}} {redact_text(self.found)}"
        return f"{head}\n{'':<6}{'':<{_NAME_WIDTH}} fix: {redact_text(self.fix)}" if self.fix else head


def passed(name: str, found: str) -> CheckLine:
    """Return a line that says all is well."""
    return CheckLine(name=name, state="ok", found=found)


def warned(name: str, found: str, fix: str) -> CheckLine:
    """Return a line of something that costs, and stops nothing."""
    return CheckLine(name=name, state="warn", found=found, fix=fix)


def failed(name: str, found: str, fix: str, code: int = DEPENDENCY_MISSING) -> CheckLine:
    """Return a line of something that has to be changed; `code` is what a start would end with."""
    return CheckLine(name=name, state="fail", found=found, fix=fix, code=code)


def exit_code_of(lines: Sequence[CheckLine]) -> int:
    """Return what the command ends with: 0 where nothing failed, else what a start would meet first."""
    codes = {line.code for line in lines if line.state == "fail"}
    return next((code for code in _ORDER if code in codes), CLEAN)


def summary_of(lines: Sequence[CheckLine]) -> str:
    """Return the last line for people: how many of each."""
    counts = {state: sum(line.state == state for line in lines) for state in ("ok", "warn", "fail")}
    return ", ".join(f"{number} {state}" for state, number in counts.items())


def report_of(lines: Sequence[CheckLine], mode: str) -> dict[str, Any]:
    """Return everything as plain JSON values."""
    shown = [
        {"name": line.name, "state": line.state, "found": redact_text(line.found), "fix": redact_text(line.fix)}
        for line in lines
    ]
    return {"event": "DOCTOR", "mode": mode, "exit_code": exit_code_of(lines), "checks": shown}
