"""What each program that runs was told, by its own word at its start."""

import contextlib
from dataclasses import dataclass

from redis import Redis

from ops.config import UpSettings
from shared.config import Settings
from shared.domain.errors import Malformed
from shared.domain.redaction import redact_secrets
from shared.messages.base import SERVICE
from shared.messages.events import read_event
from shared.messages.service import ServiceStart
from shared.redis.streams import stream_tail

_READ = 2000


@dataclass(frozen=True)
class SettingRow:
    """One setting of one program: its value, its default, and what it does, as far as that is known here."""

    name: str
    value: str
    about: str


@dataclass(frozen=True)
class ProgramSettings:
    """What one program was told at its last start."""

    service: str
    instance: str
    mode: str
    version: str
    at_ms: int
    rows: tuple[SettingRow, ...]


def running_settings(redis: Redis) -> list[ProgramSettings]:
    """Return the programs by name, each as of its last start.

    Raises:
        Unavailable: the server is away.
    """
    starts: dict[str, ServiceStart] = {}
    for entry in stream_tail(redis, SERVICE, _READ):
        if entry.event == "SERVICE_START":
            with contextlib.suppress(Malformed):
                event = read_event(entry.json)
                if isinstance(event, ServiceStart):
                    starts[event.service] = event
    return [_program(starts[name]) for name in sorted(starts)]


def _program(start: ServiceStart) -> ProgramSettings:
    told = redact_secrets(start.config)
    rows = tuple(SettingRow(name.upper(), _text(value), _about(name)) for name, value in sorted(told.items()))
    return ProgramSettings(start.service, start.instance, start.mode, start.code_version, start.emitted_at_ms, rows)


def _about(name: str) -> str:
    field = Settings.model_fields.get(name) or UpSettings.model_fields.get(name)
    return (field.description or "") if field else ""


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] - JSON
    return (
        {True: "true", False: "false", None: ""}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )
