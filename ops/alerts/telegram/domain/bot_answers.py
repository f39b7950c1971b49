"""Answers of Telegram's Bot API as values (https://core.telegram.org/bots/api#making-requests). Pure.

| status | what it means |
|---|---|
| 200 with `ok` | done |
| 429 | come back after `parameters.retry_after` seconds |
| 5xx | try again; it may have been done |
| else | refused: `description` says why |
"""

import msgspec
from msgspec import Struct

from shared.domain.errors import Malformed, RateLimited, Rejected, Unavailable
from shared.domain.value import Value

_THROTTLED, _FAULT = 429, 500
MOST_CHARS = 4096
"""Of a message's text (https://core.telegram.org/bots/api#sendmessage)."""


class _Parameters(Struct, frozen=True):
    retry_after: float | None = None


class _Answer(Struct):
    ok: bool
    result: msgspec.Raw = msgspec.Raw(b"null")
    description: str = ""
    parameters: _Parameters = _Parameters()


class _Name(Struct):
    id: int
    username: str = ""


class _Message(Struct):
    chat: _Name
    date: int
    text: str = ""
    sender: _Name | None = msgspec.field(default=None, name="from")


class _Update(Struct):
    update_id: int
    message: _Message | None = None


class _Number(Struct):
    update_id: int


class ChatMessage(Value, frozen=True, kw_only=True):
    """What somebody wrote to the bot; `text` is '' for what is no text. `sent_at_ms` is Telegram's time."""

    update_id: int
    chat: str = ""
    user: str = ""
    user_id: str = ""
    sent_at_ms: int = 0
    text: str = ""

    @property
    def who(self) -> str:
        """Name the writer as events do."""
        return f"telegram:{self.chat}/{self.user or self.user_id or 'somebody'}"


def read_answer(status: int, body: bytes) -> bytes:
    """Return the JSON of what was asked for.

    Raises:
        RateLimited: with how long to wait; Unavailable: it may or may not have been done.
        Rejected: it was refused; Malformed: nobody can read it.
    """
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.MsgspecError as error:
        if status >= _FAULT:
            raise Unavailable(f"telegram: {status}") from error
        if status == _THROTTLED:
            raise RateLimited("telegram: 429, too many requests") from error
        raise Malformed(f"telegram: {status} with an answer that cannot be read") from error
    if answer.ok:
        return bytes(answer.result)
    words = f"telegram: {status}: {answer.description[:200]}"
    if status == _THROTTLED:
        raise RateLimited(words, answer.parameters.retry_after)
    if status >= _FAULT:
        raise Unavailable(words)
    raise Rejected(words, status)


def read_updates(result: bytes) -> list[ChatMessage]:
    """Return what was written, in the order of its numbers; what cannot be read keeps its number and no text.

    Raises:
        Malformed: it is no list of updates.
    """
    try:
        rows = msgspec.json.decode(result, type=list[msgspec.Raw])
        return sorted((_chat_message(row) for row in rows), key=lambda message: message.update_id)
    except msgspec.MsgspecError as error:
        raise Malformed(f"telegram: no list of updates: {error}") from error


def _chat_message(row: msgspec.Raw) -> ChatMessage:
    try:
        update = msgspec.json.decode(row, type=_Update)
    except msgspec.MsgspecError:
        return ChatMessage(update_id=msgspec.json.decode(row, type=_Number).update_id)
    said = update.message
    if said is None:
        return ChatMessage(update_id=update.update_id)
    return ChatMessage(
        update_id=update.update_id,
        chat=str(said.chat.id),
        user=said.sender.username if said.sender else "",
        user_id=str(said.sender.id) if said.sender else "",
        sent_at_ms=said.date * 1000,
        text=said.text,
    )


def fitting(text: str) -> str:
    """Return as much of a text as one message takes; Telegram counts UTF-16 units."""
    units = text.encode("utf-16-le")
    if len(units) <= 2 * MOST_CHARS:
        return text
    return units[: 2 * (MOST_CHARS - 2)].decode("utf-16-le", "ignore") + "…"
