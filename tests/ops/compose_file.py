"""The compose file as compose resolves it: profiles, variables, files of settings, and which of them beats which.

Written from the Compose specification (interpolation, `env_file`, `environment`) and Docker's page on precedence:
the shell beats `--env-file` (`.env` by default) where variables are filled in; a service's `environment` beats its
`env_file`; a service with profiles runs only when one of them is chosen.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

from tests.ops.compose_merge import merged, variables_of

_VARIABLE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)(?:(:?[-+?])((?:[^{}]|\{[^{}]*\})*))?\})")


@dataclass(frozen=True)
class Command:
    """A `docker compose` command line with the variables set before it."""

    shell: Mapping[str, str]
    env_file: str
    profiles: frozenset[str]
    files: tuple[str, ...] = ("docker-compose.yml",)


@dataclass(frozen=True)
class Service:
    """A service that would run."""

    command: list[str]
    environment: Mapping[str, str]
    raw: Mapping[str, Any] = field(repr=False)


def read_command(line: str) -> Command:
    """Read `NAME=VALUE ... docker compose [-f F ...] [--env-file F] [--profile P] up`."""
    words = shlex.split(line)
    start = words.index("docker")
    assert words[start : start + 2] == ["docker", "compose"], line
    assert words[-1] == "up", line
    flags = words[start + 2 : -1]
    pairs = list(zip(flags[::2], flags[1::2], strict=True))
    given = dict(pairs)
    assert set(given) <= {"-f", "--env-file", "--profile"}, line
    shell = dict(word.split("=", 1) for word in words[:start])
    files = tuple(file for flag, file in pairs if flag == "-f") or ("docker-compose.yml",)
    profiles = frozenset(profile for flag, profile in pairs if flag == "--profile")
    return Command(shell, given.get("--env-file", ".env"), profiles, files)


def resolve(folder: Path, command: Command) -> dict[str, Service]:
    """Return the services that the command runs in a project's folder."""
    variables = variables_in(folder, command)
    project = resolve_project(folder, command)
    profiles = command.profiles | frozenset(filter(None, variables.get("COMPOSE_PROFILES", "").split(",")))
    return {
        name: _service(folder, raw)
        for name, raw in project["services"].items()
        if not raw.get("profiles") or profiles & set(raw["profiles"])
    }


def resolve_project(folder: Path, command: Command) -> dict[str, Any]:
    """Return the files of the command as one, with its variables filled in."""
    variables = variables_in(folder, command)
    files = variables["COMPOSE_FILE"].split(":") if "COMPOSE_FILE" in variables else command.files
    return reduce(merged, (filled(yaml.safe_load((folder / file).read_text()), variables) for file in files))


def variables_in(folder: Path, command: Command) -> dict[str, str]:
    """Return the variables that the files are filled in with: the shell's beat those of the file of settings."""
    return {**settings_in(folder / command.env_file), **command.shell}


def settings_in(file: Path) -> dict[str, str]:
    """Return what a file sets; nothing where there is none."""
    text = file.read_text() if file.is_file() else ""
    return {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value is not None}


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """Return a part of the file with its variables filled in."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: _filled(found, variables), value)
    if isinstance(value, list):
        return [filled(each, variables) for each in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {name: filled(each, variables) for name, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value


def _filled(found: "re.Match[str]", variables: Mapping[str, str]) -> str:
    dollar, bare, name, rule, other = found.groups()
    if dollar:
        return "$"
    value = variables.get(bare or name)
    counts = bool(value) if rule and rule.startswith(":") else value is not None
    sign = (rule or "")[-1:]
    assert counts or sign != "?", other
    if sign == "+":
        return str(filled(other, variables)) if counts else ""
    if sign == "-" and not counts:
        return str(filled(other, variables))
    return value or ""


def _service(folder: Path, raw: Mapping[str, Any]) -> Service:
    found: dict[str, str] = {}
    for file in raw.get("env_file", []):
        place = folder / file["path"]
        assert place.is_file() or not file["required"], place
        found |= settings_in(place)
    return Service(raw.get("command", []), found | variables_of(raw.get("environment", [])), raw)
