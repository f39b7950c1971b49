"""The commands that a chat may give, and how they are read. Pure."""

import re
from collections.abc import Mapping

from shared.domain.value import Value

HELP = "help"
COMMANDS: Mapping[str, str] = {
    "status": "how it stands, in one look",
    "positions": "what is held",
    "pnl": "profit and loss",
    "why": "ID: what became of a leader's trade",
    "pause": "[why] stop buying; sells and exits go on",
    "kill": "[why] stop every order and redemption, now",
    "flatten": "[why] stop buying and sell every lot; asks for a code",
    "resume": "[why] allow orders again; says what it lifts, asks for a code",
    HELP: "this list",
}
"""Each command, and what it does."""
ACTS = frozenset({"pause", "kill", "flatten", "resume"})
"""Commands that change something: one that is old is refused."""
CODED = frozenset({"flatten", "resume"})
"""Commands that wait for a code."""
NO_REASON = "by Telegram, no reason given"
STALE_MS = 120_000
"""A command that changes something and was sent longer ago is refused: who sent it has looked elsewhere since."""
_WORD = re.compile(r"\s*/?([A-Za-z]+)(?:@\w+)?(?:\s+(.*))?\s*", re.DOTALL)
_CODE = re.compile(r"\s*(\d{6})\s*")


class ChatCommand(Value, frozen=True, kw_only=True):
    """A command as it was typed: `code` stands alone, `name` is one of `COMMANDS`."""

    name: str = ""
    rest: str = ""
    code: str = ""

    @property
    def why(self) -> str:
        """Return the reason that was given."""
        return self.rest or NO_REASON


def read_command(text: str) -> ChatCommand | None:
    """Return the command in a text, None for what is none."""
    if code := _CODE.fullmatch(text):
        return ChatCommand(code=code[1])
    word = _WORD.fullmatch(text)
    if word is None or word[1].lower() not in {*COMMANDS, "start"}:
        return None
    name = word[1].lower()
    return ChatCommand(name=HELP if name == "start" else name, rest=" ".join((word[2] or "").split())[:200])


def is_stale(sent_at_ms: int, now_ms: int) -> bool:
    """Say whether a command is too old to be carried out."""
    return now_ms - sent_at_ms > STALE_MS


def help_text() -> str:
    """Return all commands with what they do."""
    return "\n".join(f"/{name} {words}" for name, words in COMMANDS.items())
