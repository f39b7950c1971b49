"""Several compose files as one, by the Compose specification's rules of merging (13-merge.md).

Mappings are merged, sequences appended, commands replaced; variables are merged by name, and of what is mounted at one
place the last counts. The tags `!reset` and `!override` are not used here.
"""

from collections.abc import Callable, Mapping
from typing import Any, cast

_REPLACED = frozenset({"command", "entrypoint", "test"})


def merged(one: Any, other: Any, name: str = "") -> Any:
    """Return a part of the first file with what the other says of it."""
    if name == "environment":
        return {**variables_of(one), **variables_of(other)}
    if isinstance(one, dict) and isinstance(other, dict):
        return _merged_mappings(cast("dict[str, Any]", one), cast("dict[str, Any]", other))
    if isinstance(one, list) and isinstance(other, list) and name not in _REPLACED:
        return _appended(cast("list[Any]", [*one, *other]), name)
    return cast("Any", other)


def variables_of(given: list[str] | Mapping[str, Any]) -> dict[str, str]:
    """Return an `environment` by name, in whichever way it is written."""
    if isinstance(given, list):
        return dict(each.split("=", 1) for each in given)
    return {name: str(value) for name, value in given.items()}


def mounted_at(volume: str) -> str:
    """Return where in the container `source:target[:options]` is."""
    return volume.split(":")[1]


def _merged_mappings(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: merged(one[name], other[name], name) for name in one if name in other}
    return {**one, **other, **both}


def _appended(entries: list[Any], name: str) -> list[Any]:
    key: Callable[[Any], Any] = mounted_at if name == "volumes" else str
    return list({key(entry): entry for entry in entries}.values())
