"""Settings and events as documents, rendered from the models, so that no document can lie."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from msgspec.json import schema_components
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

_UNITS = (
    ("_rate_per_s", "requests/s"),
    ("_per_s", "per s"),
    ("_usdc", "pUSD"),
    ("_pct", "%"),
    ("_ticks", "ticks"),
    ("_blocks", "blocks"),
    ("_seconds", "s"),
    ("_ms", "ms"),
    ("_s", "s"),
)
_HEAD = """# Configuration

<!-- Written by `make docs` from the settings models; do not edit. -->

A flag beats the environment, which beats the file of `--env-file` (or `HYBRID_ENV_FILE`); `make run` and `hybrid up`
read `.env` where neither names another, and so does compose. A value that cannot be used stops the start with the
variable, the value and the reason. So does a name that no program knows: any in such a file, and in the environment one
that can only have been meant for us (`STAKE_USD`: did you mean `STAKE_USDC`?); one that could be any program's
(`LOGLEVEL`) is said and passed over. Everything has a safe default except `TRACKED_WALLETS`: the leaders to follow.

Real money needs both `LIVE=true` and `DRY_RUN=false`; `--dry-run` on the command line beats both.

Two variables are for whoever starts the programs: `HYBRID_DIE_WITH_PARENT=1` ends a program with its parent (Linux),
and `HYBRID_REFUSED_STAYS_S` lets one that ends with 2 or 4 stay so many seconds first (`inf`: until it is stopped),
where restarts know no exit codes.
"""
_NAMES_HEAD = '''"""All programs' settings: they share one environment and one file, so each program knows all names.

Written by `make docs` from the settings models; do not edit.
"""
'''
_SIGNS = (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))


@dataclass(frozen=True)
class DocsSection:
    """The settings of one program."""

    title: str
    about: str
    fields: Mapping[str, FieldInfo]


def configuration(sections: Iterable[DocsSection]) -> str:
    """Return the settings of all programs as Markdown."""
    return "\n".join([_HEAD, *(_table(section) for section in sections)])


def env_example(sections: Iterable[DocsSection]) -> str:
    """Return every variable once, with its default, commented out; the leaders stand first and open."""
    lines = [
        "# Settings of all programs; a line without # counts. Written by `make docs`: copy to .env and edit the copy.",
        "# `make run`, `hybrid up` and `docker compose up` read .env; the other programs with --env-file .env (or",
        "# HYBRID_ENV_FILE=.env). The environment beats the file; a name that nobody knows stops the start.",
        "",
        "# Leaders to follow: proxy wallets (the address on a trader's profile page), separated by commas.",
        "TRACKED_WALLETS=",
    ]
    seen = {"tracked_wallets"}
    for section in sections:
        lines += ["", f"# --- {section.title}: {section.about}"]
        for name, field in section.fields.items():
            if name not in seen:
                seen.add(name)
                lines += [f"# {field.description}", f"# {name.upper()}={_default(field)}"]
    return "\n".join(lines) + "\n"


def setting_names(sections: Iterable[DocsSection]) -> str:
    """Return the module that names every setting of every program, which each of them tells from a typo."""
    names = sorted({name.upper() for section in sections for name in section.fields})
    lines = [_NAMES_HEAD, "KNOWN = frozenset(", "    {", *(f'        "{name}",' for name in names), "    }", ")"]
    return "\n".join(lines) + "\n"


def event_schema(events: Any) -> str:  # noqa: ANN401 - the union of all events on the wire
    """Return the JSON schema of what we write, for every event."""
    (schema,), parts = schema_components([events], ref_template="#/$defs/{name}")
    whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$defs": parts, **schema}
    return json.dumps(whole, indent=2) + "\n"


def own_fields(model: type[BaseModel], base: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields that `model` adds to `base` for an operator to set; a dict is filled by the program."""
    own = {name: field for name, field in model.model_fields.items() if name not in base.model_fields}
    return {name: field for name, field in own.items() if get_origin(field.annotation) is not dict}


def bounds(name: str, field: FieldInfo) -> str:
    """Return a setting's unit and what its value must be, '' when anything of its type is right."""
    unit = next((unit for suffix, unit in _UNITS if name.endswith(suffix)), "")
    rules = [(sign, getattr(rule, key)) for rule in field.metadata for key, sign in _SIGNS if hasattr(rule, key)]
    limits = [f"{sign} {_plain(limit)}" for sign, limit in rules]
    patterns = [f"`{rule.pattern}`" for rule in field.metadata if getattr(rule, "pattern", None)]
    choices = [", ".join(map(str, get_args(field.annotation)))] if get_origin(field.annotation) is Literal else []
    switch = ["true or false"] if field.annotation is bool else []
    return "; ".join(part for part in [unit, ", ".join(limits), *patterns, *choices, *switch] if part)


def _table(section: DocsSection) -> str:
    rows = [
        f"| `{name.upper()}` | `--{name.replace('_', '-')}` | {_shown(field)} | {_cell(bounds(name, field))} "
        f"| {_cell(field.description or '')} |"
        for name, field in section.fields.items()
    ]
    head = "| variable | flag | default | unit, bounds | what it does |\n|---|---|---|---|---|"
    return "\n".join([f"## {section.title}\n\n{section.about}\n", head, *rows, ""])


def _shown(field: FieldInfo) -> str:
    default = _default(field)
    return f"`{_cell(default)}`" if default else ""


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=False)
    if value is None or isinstance(value, SecretStr):
        return ""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - any tuple
    return _plain(value)


def _plain(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}" if value < 1e6 else str(value)  # noqa: PLR2004 - beyond it `g` turns to exponents
        case Path():
            return _anywhere(value).as_posix()
        case _:
            return str(value)


def _anywhere(path: Path) -> Path:
    """Name the temporary folder as it is called on most machines: the document must not depend on this one."""
    here = Path(tempfile.gettempdir())
    return Path("/tmp") / path.relative_to(here) if path.is_relative_to(here) else path  # noqa: S108 - a word in a text


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
