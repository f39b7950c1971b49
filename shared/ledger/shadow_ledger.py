"""The ledger of a shadow: other settings on the live stream, on paper, apart from what a person rests on.

All of it stands below `hs:shadow:NAME:`. Its events go to streams of the same names there, so nobody who reads the
pipeline's own streams ever sees one.
"""

import re

from redis import Redis

from shared.domain.errors import BadConfig
from shared.ledger.ledger_marks import LedgerMarks
from shared.ledger.redis_ledger import RedisLedger

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")
_ROOTS = ("hs:paper:", "hs:")


def shadow_scope(name: str) -> str:
    """Return what stands where a ledger's mode stands: `shadow:NAME`.

    Raises:
        BadConfig: the name has other characters than keys may have.
    """
    if not _NAME.fullmatch(name):
        raise BadConfig(
            f"{name!r} is no name of a shadow: give 1 to 31 of a-z 0-9 _ -, beginning with a letter or digit"
        )
    return f"shadow:{name}"


def shadow_stream(name: str, stream: str) -> str:
    """Name a shadow's own stream in place of the pipeline's."""
    rest = next(stream.removeprefix(root) for root in _ROOTS if stream.startswith(root))
    return f"hs:{shadow_scope(name)}:{rest}"


class ShadowLedger(RedisLedger):
    """The durable ledger of one shadow."""

    def __init__(self, redis: Redis, name: str, marks: LedgerMarks | None = None) -> None:
        super().__init__(redis, shadow_scope(name), marks)
        self._name = name

    def _stream(self, name: str) -> str:
        return shadow_stream(self._name, name)
