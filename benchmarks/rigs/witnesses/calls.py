"""The record of a client's calls: which worked, which did not and how.

Runs in any client's environment: standard library only.
"""

import json
import sys
from collections.abc import Callable
from inspect import isawaitable
from typing import Any

Call = Callable[[], Any]
Good = Callable[[Any], Any]
_LONGEST = 300


class Calls:
    """Ask one call after the other and note what came of each."""

    def __init__(self, rows: list[dict[str, str]] | None = None, prefix: str = "") -> None:
        """Start without calls, or go on with those of another record."""
        self.rows: list[dict[str, str]] = [] if rows is None else rows
        self._prefix = prefix

    def of(self, part: str) -> "Calls":
        """Return the same record, whose calls are named for a part of it."""
        return Calls(self.rows, f"{part}: ")

    async def ask(self, name: str, call: Call, good: Good = bool) -> Any:
        """Make a call, awaited and read to its end where need be; it is well if `good` says so of what it gives."""
        try:
            value = await settled(call())
            fault = "" if good(value) else f"answered {value!r}"
        except Exception as error:  # noqa: BLE001 - whatever a client of others throws is what we want to know
            value, fault = None, f"{type(error).__name__}: {error}"
        self.note(name, fault)
        return value

    def note(self, name: str, fault: str = "") -> None:
        """Write down a call and what was wrong with it."""
        self.rows.append({"call": self._prefix + name, "fault": " ".join(fault.split())[:_LONGEST]})

    def end(self) -> None:
        """Hand the record to who started this program."""
        sys.stdout.write(json.dumps(self.rows) + "\n")


def kinds_of(event: Any) -> set[str]:
    """Return the type names of an event, or of each of a list of them."""
    several: list[Any] = list(event) if type(event) is list else [event]  # pyright: ignore[reportUnknownArgumentType] - of others
    return {type(each).__name__ for each in several}


async def settled(value: Any) -> Any:
    """Return what a call of any kind gives in the end: awaited, and every item of a list in pages."""
    if isawaitable(value):
        value = await value
    pages = getattr(value, "iter_items", None)
    if pages is None:
        return value
    items = pages()
    return [item async for item in items] if hasattr(items, "__aiter__") else list(items)


def given() -> dict[str, Any]:
    """Return the facts of the world, as its owner writes them on standard input."""
    return json.loads(sys.stdin.read())
