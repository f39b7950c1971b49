"""What each program that runs was told, by its own word at its start."""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from redis import Redis

from ops.web.jobs.asked_command import ask_command
from shared.clock import Clock
from shared.domain.errors import HybridError, Malformed
from shared.domain.redaction import redact_secrets
from shared.messages.base import SERVICE
from shared.messages.events import read_event
from shared.messages.service import ServiceStart
from shared.redis.streams import stream_tail

_READ = 2000
_ASK_EVERY_S = 60.0
_FAMILY = {"redeemer-worker": "redeemer"}
"""Programs that read the settings of another."""


@dataclass(frozen=True)
class SettingRow:
    """One setting of one program: its value, where it comes from ('' where nobody here can tell), and what it does."""

    name: str
    value: str
    source: str
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


class RunningSettings:
    """Reads them; where values come from is asked of `hybrid config`, in a process of its own, now and then."""

    def __init__(self, redis: Redis, clock: Clock) -> None:
        self._redis, self._clock = redis, clock
        self._known: Mapping[tuple[str, str], tuple[str, str, str]] = {}
        self._ask_at_s = 0.0

    def read(self) -> list[ProgramSettings]:
        """Return the programs by name, each as of its last start.

        Raises:
            Unavailable: the server is away.
        """
        starts: dict[str, ServiceStart] = {}
        for entry in stream_tail(self._redis, SERVICE, _READ):
            if entry.event == "SERVICE_START":
                with contextlib.suppress(Malformed):
                    event = read_event(entry.json)
                    if isinstance(event, ServiceStart):
                        starts[event.service] = event
        if starts and self._clock.monotonic() >= self._ask_at_s:
            self._ask_at_s, self._known = self._clock.monotonic() + _ASK_EVERY_S, ask_sources()
        return [self._program(starts[name]) for name in sorted(starts)]

    def _program(self, start: ServiceStart) -> ProgramSettings:
        told = redact_secrets(start.config)
        rows = tuple(self._row(_FAMILY.get(start.service, start.service), *each) for each in sorted(told.items()))
        return ProgramSettings(start.service, start.instance, start.mode, start.code_version, start.emitted_at_ms, rows)

    def _row(self, program: str, name: str, value: object) -> SettingRow:
        shown = _text(value)
        known = self._known.get((program, name.upper()))
        if known is None:
            return SettingRow(name.upper(), shown, "", "")
        here, source, about = known
        return SettingRow(name.upper(), shown, source if here == shown else "told by who started it", about)


def ask_sources() -> dict[tuple[str, str], tuple[str, str, str]]:
    """Return value, source and meaning by program and setting, as `hybrid config` tells them here; none if not."""
    try:
        rows = ask_command(("config",), {})["settings"]
    except HybridError:
        return {}
    return {
        (program, row["name"]): (_text(row["value"]), row["source"], row["about"])
        for row in rows
        for program in row["programs"]
    }


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() | tuple():
            return ", ".join(map(str, cast("Iterable[object]", value)))
        case _:
            return str(value)
