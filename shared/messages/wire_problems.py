"""The words for what is wrong with JSON that was sent: its place, the problem, and what stands there. Pure."""

import json
import re
from typing import Any

_PLACE = re.compile(r" - at `\$(?P<place>.*)`$")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


def explain_problem(said: object, error: Exception) -> str:
    """Return one line of what is wrong with JSON: where, what, and the value that stands there."""
    text = str(error)
    place = _PLACE.search(text)
    where = place["place"].removeprefix(".") if place else ""
    problem = _PLACE.sub("", text)
    found = _value_at(said, where)
    if isinstance(found, float) and "`float`" in problem:
        problem += "; a float cannot hold money, send a decimal string"
    return f"{where or 'payload'}: {problem} (got {str(found)[:80]!r})"


def _value_at(said: object, where: str) -> object:
    try:
        found: Any = json.loads(said) if isinstance(said, str | bytes) else said
        for name, place in _STEP.findall("." + where if where else ""):
            found = found[name] if name else found[int(place)]
    except (ValueError, KeyError, IndexError, TypeError):
        return said
    return found


def placed_error(error: ValueError, name: str) -> ValueError:
    """Return the error as msgspec words it, with the place of what is wrong."""
    text = str(error)
    inside = _PLACE.search(text)
    return ValueError(f"{_PLACE.sub('', text)} - at `$.{name}{inside['place'] if inside else ''}`")
