"""A file in a pure place imports only pure files and data, and does nothing to the world."""

import pytest

from tests.owners import OWNERS, owned
from tests.source_tree import MAY_IMPORT, Imported, calls, files, imports

pytestmark = pytest.mark.slow

PURE_PLACES = frozenset({"strategy", "domain", "results", "messages", "wire", "board"})
"""Folders whose files are pure, whatever package they stand in: no I/O, no clock, no randomness, no logging."""
PURE_LIBRARIES = frozenset(
    {
        "abc",
        "base64",
        "collections",
        "contextlib",
        "copy",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "itertools",
    }
    | {
        "bisect",
        "heapq",
        "json",
        "math",
        "msgspec",
        "operator",
        "pydantic",
        "re",
        "statistics",
        "string",
        "types",
        "typing",
    }
)
IMPURE_CALLS = frozenset(
    {"open", "print", "input", "datetime.now", "datetime.utcnow", "datetime.today", "date.today", "uuid.uuid4"}
)


def pure_files() -> tuple[str, ...]:
    """Return every file that stands in a pure place; the simulator is judged by its own rules."""
    return tuple(file for file in files() if not file.startswith("simulator/") and in_pure_place(file.split("/")[:-1]))


def in_pure_place(parts: list[str]) -> bool:
    return not PURE_PLACES.isdisjoint(parts)


@pytest.mark.parametrize("file", pure_files())
def test_a_file_in_a_pure_place_imports_only_pure_files_and_data(file: str) -> None:
    assert [str(imported) for imported in imports(file) if not is_pure(file, imported)] == []


def is_pure(file: str, imported: Imported) -> bool:
    """Say whether a pure file may import this: a pure library, or something that stands in a pure place itself.

    Where a file draws from a seed that it is given, the same values give the same result: `random` is pure there.
    """
    if imported.package not in MAY_IMPORT:
        seeded = imported.package == "random" and owned(file, OWNERS["random"])
        return seeded or imported.package in PURE_LIBRARIES
    return in_pure_place(imported.module.split(".")) or (
        bool(imported.names) and all(name in PURE_PLACES for name in imported.names)
    )


@pytest.mark.parametrize("file", pure_files())
def test_a_file_in_a_pure_place_does_nothing_to_the_world(file: str) -> None:
    assert [f"{file}:{line} {name}" for line, name in calls(file) if name in IMPURE_CALLS] == []
