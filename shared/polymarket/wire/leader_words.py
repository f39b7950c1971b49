"""Leaders as people have them: an address, one without 0x, the link of a profile page, or a @handle. Pure."""

import re
from typing import NamedTuple

SEPARATORS = re.compile(r"[\s,;]+")
_ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{40})")
_LINK = re.compile(r"(?:https?://)?(?:www\.)?polymarket\.com/(?:[a-z]{2}/)?(?:profile/)?([^/?#]+)[^\s]*", re.IGNORECASE)
_HANDLE = re.compile(r"@([A-Za-z0-9_.\-]{1,64})")


class LeaderWord(NamedTuple):
    """What one word names: an address in our form, or a handle that has to be looked up; the other one is ''."""

    address: str = ""
    handle: str = ""


def split_words(text: str) -> tuple[str, ...]:
    """Return the words of a list, whatever separates them: comma, semicolon, space, a new line."""
    return tuple(word for word in SEPARATORS.split(text) if word)


def read_leader(word: str) -> LeaderWord | None:
    """Return what a word names; None where it names nobody."""
    said = word.strip()
    link = _LINK.fullmatch(said)
    if link:
        said = link[1]
    if found := _ADDRESS.fullmatch(said):
        return LeaderWord(address="0x" + found[1].lower())
    if found := _HANDLE.fullmatch(said):
        return LeaderWord(handle=found[1])
    return None


def address_of(word: str) -> str:
    """Return the address that a word names; a word that names none as it is, for whoever judges it.

    Raises:
        ValueError: it is a handle, which only a look-up can turn into an address.
    """
    found = read_leader(word)
    if found and found.handle:
        raise ValueError(
            f"@{found.handle} is a handle, which has to be looked up once: `hybrid follow @{found.handle}`, or give "
            "the address of the profile page"
        )
    return found.address if found else word
