"""Leaders as people have them: links to profiles, @handles, addresses with and without 0x, in any separators."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.domain.redaction import without_keys

_BETWEEN = re.compile(r"[\s,;|<>\"'()\[\]]+")
_ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})")
_LINKED = re.compile(
    r"(?:https?://)?(?:www\.)?polymarket\.com/(?:[a-z]{2}/)?(?:profile/)?(@?[\w.-]+)/?(?:[?#].*)?", re.IGNORECASE
)
_HANDLE = re.compile(r"@([\w.-]{1,64})")
_SHOWN = 60


@dataclass(frozen=True)
class LeaderWords:
    """What a person typed: `addresses` in our form and `handles` without their @, each once; `wrong` is neither."""

    addresses: tuple[str, ...]
    handles: tuple[str, ...]
    wrong: tuple[str, ...]


def read_leaders(text: str) -> LeaderWords:
    """Return whom the words name; what may be a private key is never given back."""
    addresses, handles, wrong = list[str](), list[str](), list[str]()
    for word in filter(None, _BETWEEN.split(text)):
        linked = _LINKED.fullmatch(word)
        name = linked[1] if linked else word
        if found := _ADDRESS.fullmatch(name):
            addresses.append(f"0x{found[1].lower()}")
        elif found := _HANDLE.fullmatch(name):
            handles.append(found[1])
        else:
            wrong.append(without_keys(word)[:_SHOWN])
    return LeaderWords(*(tuple(dict.fromkeys(part)) for part in (addresses, handles, wrong)))


def leaders_problem(text: str) -> str:
    """Return what is wrong with the words, with what to type instead; '' when each names somebody."""
    found = read_leaders(text)
    if found.wrong:
        return f"{_listed(found.wrong)}: no trader. Give profile links, @handles or addresses (40 hex digits)"
    if not found.addresses and not found.handles:
        return "Give at least one trader: a profile link, an @handle or an address"
    return ""


def _listed(words: Sequence[str]) -> str:
    return ", ".join(repr(word) for word in words)
