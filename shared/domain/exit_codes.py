"""Exit codes: what a process says to whoever started it."""

from types import MappingProxyType

from shared.domain.errors import BadConfig, DependencyMissing, HybridError, RefusedForSafety
from shared.domain.plain_text import make_plain, plain_lines

CLEAN = 0
CRASH = 1
BAD_CONFIG = 2
DEPENDENCY_MISSING = 3
REFUSED_FOR_SAFETY = 4

MEANINGS = MappingProxyType(
    {
        CLEAN: "clean: told to stop, or the work was done",
        CRASH: "crash: start it again",
        BAD_CONFIG: "bad config: change the setting that the last line names",
        DEPENDENCY_MISSING: "dependency missing: start or install what the last line names",
        REFUSED_FOR_SAFETY: "refused for safety: check what the last line names before going on",
    }
)

_OPERATORS_TURN = (
    (BadConfig, BAD_CONFIG),
    (DependencyMissing, DEPENDENCY_MISSING),
    (RefusedForSafety, REFUSED_FOR_SAFETY),
)


def exit_code(error: BaseException) -> int:
    """Return the code of a process that ends because of `error`."""
    return next((code for kind, code in _OPERATORS_TURN if isinstance(error, kind)), CRASH)


def plain_line(program: str, error: BaseException) -> str:
    """Return the line an operator reads: what, which value, the fix (a fix with steps keeps its lines)."""
    if exit_code(error) != CRASH:
        return f"{program}: {plain_lines(str(error).strip())}"
    text = make_plain(" ".join(str(error).split())) or "no message"
    kind = type(error).__name__
    return f"{program}: {kind}: {text}" if isinstance(error, HybridError) else f"{program}: crashed: {kind}: {text}"
