"""Calls, answers and refusals: all that a route sees of HTTP."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs

Json: TypeAlias = Any  # decoded JSON: checked where it is read


@dataclass(frozen=True)
class Answer:
    """A response body with its status."""

    body: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    content_type: str = "application/json"


class RefusedError(Exception):
    """The venue says no; each API words it in its own way."""

    def __init__(self, status: int, message: str, *, code: str = "invalid_request", parameter: str = "") -> None:
        """Name the status, the reason and, if there is one, the parameter at fault."""
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.parameter = parameter


class Query:
    """A query string; a name may repeat."""

    def __init__(self, raw: str) -> None:
        """Parse the text after the question mark."""
        self._values = parse_qs(raw, keep_blank_values=True)

    def names(self) -> set[str]:
        """Return the names given."""
        return set(self._values)

    def get(self, name: str, default: str = "") -> str:
        """Return the first value."""
        return self._values.get(name, [default])[0]

    def every(self, name: str) -> list[str]:
        """Return all values, commas split, blanks dropped."""
        texts = ",".join(self._values.get(name, [])).split(",")
        return [text.strip() for text in texts if text.strip()]

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean."""
        text = self.get(name).lower()
        if text in {"", "true", "1", "false", "0"}:
            return default if text == "" else text in {"true", "1"}
        raise RefusedError(400, f"invalid boolean for {name}", parameter=name)

    def integer(self, name: str, default: int, low: int = 0, high: int | None = None) -> int:
        """Return a whole number; refuse what is outside the range."""
        text = self.get(name)
        if not text:
            return default
        if not text.lstrip("-").isdigit():
            raise RefusedError(400, f"{name} must be an integer", parameter=name)
        value = int(text)
        if value < low or (high is not None and value > high):
            raise RefusedError(400, f"{name} must be between {low} and {high}", parameter=name)
        return value

    def in_snake_case(self) -> "Query":
        """Return the query with its names in snake case."""
        query = Query("")
        for name, values in self._values.items():
            query._values.setdefault(snake(name), []).extend(values)
        return query

    def without(self, *names: str) -> "Query":
        """Return the query with some names ignored."""
        query = Query("")
        query._values = {n: v for n, v in self._values.items() if n not in names}
        return query


@dataclass(frozen=True)
class Call:
    """A request as a handler sees it; `now_ms` may be made to lag by a fault."""

    method: str
    path: str
    parts: tuple[str, ...]
    query: Query
    body: bytes
    now_ms: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def json(self) -> Json:
        """Return the decoded body; refuse what is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise RefusedError(400, "invalid JSON body") from error


Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class Route:
    """A path of an upstream; `{}` in its pattern stands for one segment."""

    method: str
    pattern: str
    handler: Handler
    max_age_s: int | None = None


def answer(value: object, status: int = 200) -> Answer:
    """Return a JSON answer."""
    return Answer(json.dumps(value, separators=(",", ":")), status)


def snake(name: str) -> str:
    """Return a camel-case name in snake case."""
    return "".join("_" + c.lower() if c.isupper() else c for c in name)
