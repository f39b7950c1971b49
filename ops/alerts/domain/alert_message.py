"""One message to a person: what happened, whose money it is, the numbers, and what to do. Pure."""

from datetime import UTC, datetime
from typing import Literal

from shared.domain.plain_text import make_plain
from shared.domain.value import Value
from shared.messages.base import fact_id

Level = Literal["info", "warning", "critical"]
Kind = Literal[
    "killed",
    "paused",
    "resumed",
    "silent",
    "sources",
    "filled",
    "missed",
    "exit",
    "redemption",
    "alarm",
    "cap",
    "disk",
    "digest",
    "held_back",
]
LEVELS: tuple[Level, ...] = ("info", "warning", "critical")
"""The least urgent first."""
SHOWN_DIGITS = 12
_MOST_CHARS = 1500
_MONEY = {"live": "REAL MONEY", "paper": "paper"}
_SIGNS: dict[Level, str] = {"info": "", "warning": "! ", "critical": "!! "}


class AlertMessage(Value, frozen=True, kw_only=True):
    """One message; `id` is made from the fact it tells, so one that comes twice is known by it.

    `mode` says whose money it is about, '' for what is about no money or nobody knows whose.
    """

    id: str
    kind: Kind
    level: Level
    title: str
    lines: tuple[str, ...] = ()
    fix: str = ""
    mode: str = ""
    at_ms: int

    @property
    def heading(self) -> str:
        """Return the first line: how urgent, whose money, what."""
        money = f"[{_MONEY[self.mode]}] " if self.mode in _MONEY else ""
        return make_plain(f"{_SIGNS[self.level]}{money}{self.title}")

    @property
    def body(self) -> str:
        """Return the rest: numbers, what to do, when, and the id by which a doubled one is told."""
        said = [*self.lines, *([f"Do: {self.fix}"] if self.fix else [])]
        text = "\n".join(make_plain(line) for line in said)[:_MOST_CHARS]
        return "\n".join(filter(None, (text, f"{_moment(self.at_ms)} · id {self.id[:SHOWN_DIGITS]}")))

    @property
    def text(self) -> str:
        """Return it whole."""
        return f"{self.heading}\n{self.body}"


def alert_id(*parts: object) -> str:
    """Return the id of the message that tells the fact made of `parts`."""
    return fact_id("ALERT", *parts)


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
