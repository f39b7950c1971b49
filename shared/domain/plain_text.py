"""Strings from outside as plain text: pure.

Titles, labels and reasons are written by strangers. On a terminal a control character moves the cursor, renames the
window or hides what came before; a bidi override turns a line around; a newline begins a line that looks like ours.
"""

import re

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, escape among them
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # which way a line is read
    "\u2028\u2029"  # ends of lines and paragraphs
    "\u200b\u2060-\u2065\ufeff\ufff9-\ufffb"  # what nobody sees
    "\ud800-\udfff"  # halves of characters, which no terminal can be sent
    "]"
)
_SPACES = frozenset("\t\n\r\x0b\x0c\x85\u2028\u2029")
_PICTURES = 0x2400
_DELETE = "\x7f"


def make_plain(text: str) -> str:
    """Return `text` as one line that shows what it holds: what would act stands as a sign for itself.

    It is as long as it was, so that a place in one is the same place in the other.
    """
    return _UNSAFE.sub(_sign, text)


def plain_lines(text: str) -> str:
    """Return `text` with its lines kept, each of them plain."""
    return "\n".join(make_plain(line) for line in text.split("\n"))


def _sign(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SPACES:
        return " "
    if character < " ":
        return chr(_PICTURES + ord(character))
    return "\u2421" if character == _DELETE else "\ufffd"
