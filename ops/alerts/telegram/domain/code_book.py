"""One-time codes: what a person asked for, and may confirm within a minute from the same chat. Pure."""

from collections.abc import Mapping

from msgspec import Struct, field

from shared.domain.value import Value

LASTS_MS = 60_000


class AskedAction(Value, frozen=True, kw_only=True):
    """An action that waits for its code; `modes` are the ledgers it is for."""

    name: str
    why: str
    code: str
    until_ms: int
    modes: tuple[str, ...] = ()


class CodeBook(Struct, frozen=True):
    """What waits for a code, by who asked for it."""

    asked: Mapping[str, AskedAction] = field(default_factory=dict[str, AskedAction])


def ask_code(book: CodeBook, who: str, action: AskedAction) -> CodeBook:
    """Let an action wait for its code; what the same person asked for before is forgotten."""
    return CodeBook({**book.asked, who: action})


def take_code(book: CodeBook, who: str, code: str, now_ms: int) -> tuple[CodeBook, AskedAction | None]:
    """Return the action that this code confirms, None when none does; either way nothing waits any more.

    One wrong code ends it, so a code cannot be guessed.
    """
    action = book.asked.get(who)
    left = CodeBook({name: each for name, each in book.asked.items() if name != who})
    good = action is not None and action.code == code and now_ms <= action.until_ms
    return left, action if good else None
