"""The marks of a ledger's lots in Redis: one text, which each of the buyers that hold shards writes whole."""

from typing import cast

from redis import Redis

from shared.domain.errors import Malformed
from shared.messages.account import LotMarks
from shared.messages.value_codec import codec_of, write_value
from shared.redis.client import answering


def marks_key(mode: str) -> str:
    """Name where the marks of a ledger stand."""
    return f"hs:{mode}:marks"


def write_marks(redis: Redis, mode: str, marks: LotMarks) -> None:
    """Tell what lots are worth now.

    Raises:
        Unavailable: the server is away; safe to call again.
    """
    with answering(redis):
        redis.set(marks_key(mode), write_value(marks))


def read_marks(redis: Redis, mode: str) -> LotMarks | None:
    """Return what was told last; None where nothing was, or nothing that can be read.

    Raises:
        Unavailable: the server is away.
    """
    with answering(redis):
        text = cast("str | None", redis.get(marks_key(mode)))
    try:
        return codec_of(LotMarks).read(text) if text else None
    except Malformed:
        return None
