"""Setting names of the earlier system, understood beside ours: in the environment, the env file and as flags."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

ALIASES = {
    "ACTIVITY_TARGET_RPS": "DATA_API_RATE_PER_S",
    "SUBGRAPH_TARGET_RPS": "SUBGRAPH_RATE_PER_S",
}
"""The name there, and the setting here; only where both mean the same in the same unit."""


@dataclass(frozen=True)
class AliasReading:
    """What old names say: the flags that remain, values by our field, and a line for each name that was seen."""

    flags: tuple[str, ...]
    values: Mapping[str, str]
    lines: tuple[str, ...]


def read_aliases(
    flags: list[str], environment: Mapping[str, str], file: Mapping[str, str | None], fields: Collection[str]
) -> AliasReading:
    """Return what old names set of `fields`; where ours is set as well, wherever that is, ours wins."""
    levels = [_flag_values(flags), _filled(environment), _filled(file)]
    values: dict[str, str] = {}
    lines: list[str] = []
    for old, ours in ALIASES.items():
        found = [level[old] for level in levels if old in level]
        if not found or ours.lower() not in fields:
            continue
        if any(ours in level for level in levels):
            lines.append(f"{old} is passed over: {ours} is set")
        else:
            values[ours.lower()] = found[0]
            lines.append(f"{old} is taken for {ours}, its name here")
    known = {old for old, ours in ALIASES.items() if ours.lower() in fields}
    return AliasReading(tuple(_others(flags, known)), values, tuple(lines))


def _filled(level: Mapping[str, str | None]) -> dict[str, str]:
    """Return the values by name; an empty one is unset, as in every setting."""
    return {name.upper(): value for name, value in level.items() if value}


def _flag_values(flags: list[str]) -> dict[str, str]:
    return {name: value for name, value, _words in _parts(flags)}


def _others(flags: list[str], known: Collection[str]) -> Iterator[str]:
    for name, _value, words in _parts(flags):
        if name not in known:
            yield from words


def _parts(flags: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield each flag's name, its value, and the words it was said in; a value may be a word of its own."""
    rest = list(flags)
    while rest:
        words = [rest.pop(0)]
        flag, sign, value = words[0].partition("=")
        if flag.startswith("--") and not sign and rest and not rest[0].startswith("--"):
            value = rest[0]
            words.append(rest.pop(0))
        yield flag.removeprefix("--").replace("-", "_").upper(), value, words
