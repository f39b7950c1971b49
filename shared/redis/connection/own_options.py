"""Options of ours in a Redis URL, which redis-py does not know: whoever is given the URL is told them with it."""

from typing import Literal, get_args
from urllib.parse import parse_qsl, urlencode

from shared.domain.errors import BadConfig

Durability = Literal["local", "replicated"]
"""What a durable script waits for: nothing more, or that a replica has it."""

_DURABILITY = "hs_durability"


def with_option(url: str, name: str, value: str) -> str:
    """Return `url` with an option; one that it has already stays."""
    return url if take_option(url, name)[1] else f"{url}{'&' if '?' in url else '?'}{name}={value}"


def take_option(url: str, name: str) -> tuple[str, str]:
    """Return `url` without an option, and its value ('' without one)."""
    bare, _, query = url.partition("?")
    options = parse_qsl(query, keep_blank_values=True)
    found = [value for key, value in options if key == name]
    if not found:
        return url, ""
    rest = urlencode([(key, value) for key, value in options if key != name])
    return (f"{bare}?{rest}" if rest else bare), found[-1]


def with_durability(url: str, durability: str) -> str:
    """Return `url` with what a durable script waits for; `local` needs no word."""
    return with_option(url, _DURABILITY, "replicated") if durability == "replicated" else url


def take_durability(url: str) -> tuple[str, Durability]:
    """Return the URL without that word, and the word.

    Raises:
        BadConfig: it is another.
    """
    url, word = take_option(url, _DURABILITY)
    for known in get_args(Durability):
        if word in {known, ""}:
            return url, known
    raise BadConfig(f"{_DURABILITY}={word!r}: local or replicated, as DURABILITY says")
