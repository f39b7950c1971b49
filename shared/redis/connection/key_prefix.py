"""Every key of one pipeline under one prefix, so that several share a server, and a cluster keeps each in one slot.

HS_PREFIX=alpha makes `{alpha}:hs:signals` of `hs:signals`, and `{alpha}:rq:...` of rq's keys: what stands in braces
decides on the slot (https://valkey.io/topics/cluster-spec/#hash-tags). Names stay as they are everywhere else, in
events and captures too: the one place that knows the prefix is where a command becomes bytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import hiredis

from shared.domain.errors import BadConfig
from shared.redis.connection.own_options import take_option, with_option

_pack = cast("Callable[[tuple[Any, ...]], bytes]", hiredis.pack_command)
OPTION = "hs_prefix"
OWN = ("hs:", "rq:")
"""How our keys begin, and those of rq."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SCRIPTS = frozenset({"EVAL", "EVALSHA", "EVAL_RO", "EVALSHA_RO", "FCALL"})
_STREAMS = frozenset({"XREAD", "XREADGROUP"})
_ALL = frozenset(
    {"DEL", "UNLINK", "EXISTS", "TOUCH", "MGET", "WATCH", "RENAME", "RENAMENX", "BLPOP", "BRPOP", "LMOVE", "BLMOVE"}
)
_BEHIND = frozenset({"XGROUP", "XINFO", "OBJECT", "MEMORY"})


def with_prefix(url: str, prefix: str) -> str:
    """Return `url` with the prefix of its keys; one that the URL has already stays.

    Raises:
        BadConfig: it cannot be one.
    """
    if not prefix or take_prefix(url)[1]:
        return url
    _check(prefix)
    return with_option(url, OPTION, prefix)


def take_prefix(url: str) -> tuple[str, str]:
    """Return the URL without its prefix, and the prefix of keys as it stands before them ('' without one).

    Raises:
        BadConfig: it cannot be one.
    """
    bare, prefix = take_option(url, OPTION)
    if not prefix:
        return bare, ""
    _check(prefix)
    return bare, f"{{{prefix}}}:"


class PrefixPacker:
    """Makes bytes of commands, as redis-py asks it to; keys of ours get the prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def pack(self, *words: Any) -> list[bytes]:  # noqa: ANN401 - as redis-py gives them
        """Return a command as bytes."""
        name, *rest = words
        command = [*(name if isinstance(name, str) else bytes(name).decode()).split(), *rest]
        for place in key_places(command):
            command[place] = self._named(command[place])
        return [_pack(tuple(command))]

    def bare(self, key: str) -> str:
        """Return a key that the server told as we know it."""
        return key.removeprefix(self.prefix)

    def _named(self, key: Any) -> Any:  # noqa: ANN401 - text or bytes, as it came
        text = key.decode(errors="replace") if isinstance(key, bytes) else str(key)
        return f"{self.prefix}{text}" if text.startswith(OWN) else key


def key_places(command: Sequence[Any]) -> Iterable[int]:
    """Return where a command has keys; also a place that may hold something else, which does not begin as a key."""
    name = str(command[0]).upper()
    if name in _SCRIPTS:
        return range(3, 3 + int(command[2]))
    if name in _STREAMS:
        first = next(_behind(command, "STREAMS"))
        return range(first, first + (len(command) - first) // 2)
    if name in _ALL:
        return range(1, len(command))
    if name == "SCAN":
        return _behind(command, "MATCH")
    return range(2, min(3, len(command))) if name in _BEHIND else range(1, min(2, len(command)))


def _behind(command: Sequence[Any], option: str) -> Iterator[int]:
    """Yield where what belongs to an option begins; a command's words are text or bytes."""
    for place, word in enumerate(command):
        if (word.decode(errors="replace") if isinstance(word, bytes) else str(word)).upper() == option:
            yield place + 1


def _check(prefix: str) -> None:
    if not _NAME.fullmatch(prefix):
        raise BadConfig(f"HS_PREFIX={prefix!r}: letters, digits and . _ - only, 64 at most, as in HS_PREFIX=alpha")
