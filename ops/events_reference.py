"""The page of events and rules: each event with its fields, each rule with what it compares."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from msgspec.json import schema_components

_HEAD = """# Events and rules

Every event is one JSON object: in the field `json` of a stream's entry, and as a line on stdout. Sums and shares are
decimal strings (pUSD), times milliseconds since 1970 (`_ms`). Fields are only ever added. Written by `make docs`;
[events.schema.json](events.schema.json) is the same for programs.
"""
_RULES = """## Rules of a decision

Each stands in `rules` of a decision with its value, its limit and whether it passed; `hybrid why` shows them in words.

| rule | what it compares |
|---|---|"""


def events_page(events: Any, rules: Mapping[str, str]) -> str:  # noqa: ANN401 - the union of all events on the wire
    """Return the page: a table of fields for each of `events`, and for the values in them, then the `rules`."""
    (union,), parts = schema_components([events], ref_template="#{name}")
    wire = [str(each["$ref"]).removeprefix("#") for each in union["anyOf"]]
    shown = [_section(name, parts[name]) for name in wire]
    values = [_section(name, part) for name, part in parts.items() if name not in wire]
    rows = [f"| `{name}` | {words} |" for name, words in rules.items()]
    return "\n".join([_HEAD, *shown, "## Values in events\n", *values, _RULES, *rows, ""])


def _section(name: str, part: Mapping[str, Any]) -> str:
    fields = cast("Mapping[str, Mapping[str, Any]]", part.get("properties", {}))
    required = frozenset(cast("Iterable[str]", part.get("required", ())))
    event = next(iter(fields.get("event", {}).get("enum", [])), "")
    title = f"## {event}" if event else f"### {name}"
    about = str(part.get("description", "")).strip()
    rows = [
        f"| `{field}` | {_type(schema)} | {'' if field in required else _default(schema)} |"
        for field, schema in fields.items()
        if field != "event"
    ]
    return "\n".join([title + "\n", about + "\n", "| field | type | default |\n|---|---|---|", *rows, ""])


def _type(schema: Mapping[str, Any]) -> str:
    """Return a field's type as one reads it."""
    if "$ref" in schema:
        name = str(schema["$ref"]).removeprefix("#")
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items') or {})}"
    return str(schema.get("type", "any"))


def _default(schema: Mapping[str, Any]) -> str:
    default = schema.get("default")
    if isinstance(default, dict):
        return "all defaults"
    return f"`{json.dumps(default)}`" if default not in (None, "") else "none"
