"""The forms of a payload: each key's path, and what kind of value stands there."""

import json
import re
from collections.abc import Iterator
from typing import Any, cast

Forms = dict[str, set[str]]
_TEXTS = (
    ("empty text", re.compile(r"")),
    ("hex text", re.compile(r"0x[0-9a-fA-F]*")),
    ("number text", re.compile(r"-?\d*\.?\d+")),
    ("uuid text", re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    ("time text", re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)?)?")),
)
_ID = re.compile(r"0x[0-9a-fA-F]+|\d{20,}")


def forms_of(payload: Any) -> Forms:
    """Return path -> the forms found there; rows of a list share a path, so do ids that are keys."""
    found: Forms = {}
    for path, form in _walked(payload, ""):
        found.setdefault(path, set()).add(form)
    return found


def joined(several: Iterator[Forms]) -> Forms:
    """Return what is found in any of them."""
    all_: Forms = {}
    for forms in several:
        for path, found in forms.items():
            all_.setdefault(path, set()).update(found)
    return all_


def _walked(value: Any, path: str) -> Iterator[tuple[str, str]]:
    yield path, form_of(value)
    if isinstance(value, dict):
        for key, each in cast("dict[str, Any]", value).items():
            yield from _walked(each, f"{path}.{'{id}' if _ID.fullmatch(key) else key}")
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _walked(each, f"{path}[]")
    elif isinstance(value, str) and form_of(value) == "JSON text":
        yield from _walked(json.loads(value), f"{path}<")


def form_of(value: Any) -> str:
    """Return what kind of value it is: JSON's type, and for texts what they spell."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return _text_form(value)
    kinds = {bool: "true or false", int: "number", float: "number", dict: "object", list: "list"}
    return kinds[type(value)]


def _text_form(text: str) -> str:
    if text[:1] in {"[", "{"}:
        return "JSON text"
    return next((form for form, pattern in _TEXTS if pattern.fullmatch(text)), "text")
