"""A signed order as it is kept with its intent: the exact bytes that may stand at the venue, and their name. Pure."""

import json
from dataclasses import dataclass

import msgspec

from shared.domain.errors import Malformed


@dataclass(frozen=True)
class SignedOrder:
    """What is kept with the intent: the exact body, the hash that names it, and when it was signed."""

    body: str
    hash: str
    signed_at_ms: int

    @property
    def text(self) -> str:
        """Return it as one JSON line."""
        return msgspec.json.encode({"hash": self.hash, "signed_at_ms": self.signed_at_ms, "body": self.body}).decode()

    @classmethod
    def of(cls, text: str) -> "SignedOrder":
        """Read it back.

        Raises:
            Malformed: it is none.
        """
        try:
            found = json.loads(text)
            return cls(found["body"], found["hash"], found["signed_at_ms"])
        except (ValueError, TypeError, KeyError) as error:
            raise Malformed("the signed order of an intent cannot be read") from error
