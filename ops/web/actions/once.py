"""Each form counts once: a double click, or a request sent again, gets the answer of the first."""

import json
import re
from dataclasses import dataclass
from typing import Literal, cast

from redis import Redis

from shared.domain.errors import BadConfig, HybridError, OutcomeUnknown
from shared.redis.client import answering

_WORD = re.compile(r"[0-9a-f]{32}")
_KEPT_S = 86_400
_UNDER_WAY = "under way: look again in a moment"


@dataclass(frozen=True)
class Said:
    """What came of a form."""

    state: Literal["under way", "done"]
    text: str


class OnceForms:
    """Forms that were sent, and what was answered."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def begin(self, word: str) -> bool:
        """Take a form's word; return False where it was taken before.

        Raises:
            BadConfig: it is no word of a form of ours.
            Unavailable: the server is away.
        """
        if not _WORD.fullmatch(word):
            raise BadConfig("this form has no word of its own: load the page anew and send it again")
        with answering(self._redis):
            return bool(self._redis.set(_key(word), _text("under way", _UNDER_WAY), nx=True, ex=_KEPT_S))

    def finish(self, word: str, text: str) -> None:
        """Keep what came of it, for whoever sends it again and for the page that follows."""
        with answering(self._redis):
            self._redis.set(_key(word), _text("done", text), ex=_KEPT_S)

    def give_back(self, word: str, error: HybridError) -> None:
        """Let a form that did nothing be sent again; where nobody knows what it did, it is not."""
        if isinstance(error, OutcomeUnknown):
            return
        with answering(self._redis):
            self._redis.delete(_key(word))

    def said(self, word: str) -> Said | None:
        """Return what came of a form; None of one that nobody sent."""
        if not _WORD.fullmatch(word):
            return None
        with answering(self._redis):
            found = cast("str | None", self._redis.get(_key(word)))
        if found is None:
            return None
        fields = json.loads(found)
        return Said(fields["state"], fields["text"])


def _key(word: str) -> str:
    return f"hs:web:form:{word}"


def _text(state: str, text: str) -> str:
    return json.dumps({"state": state, "text": text})
