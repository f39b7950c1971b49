"""A file of settings as text: quoted so that every reader reads the same, without secrets for a screen. Pure."""

import re
from collections.abc import Mapping

from shared.domain.redaction import HIDDEN, is_secret_name, redact_text
from shared.domain.secret_settings import WAYS

_PLAIN = re.compile(r"[\w.,:/@%+=*{}?&-]*")
_HEAD = (
    "# Written by `hybrid init`. What each line means: docs/configuration.md; all others: .env.example.\n"
    "# The environment and flags beat this file. Nobody else may read it (chmod 600).\n"
)


def env_text(settings: Mapping[str, str]) -> str:
    """Return the file: one setting a line."""
    return _HEAD + "".join(f"{name}={_quoted(value)}\n" for name, value in settings.items())


def shown_lines(settings: Mapping[str, str]) -> list[str]:
    """Return the same lines for a screen, secrets hidden."""
    return [f"{name}={_shown(name, value)}" for name, value in settings.items()]


def _shown(name: str, value: str) -> str:
    """Hide what a name or a shape makes a secret; a URL shows where it leads."""
    if not value or name in WAYS:
        return value
    if is_secret_name(name) or name in {"ALERT_URLS", "HEARTBEAT_URL"}:
        return HIDDEN
    return redact_text(value)


def _quoted(value: str) -> str:
    """Quote what dotenv, a shell and compose would read differently; a single quote within is escaped for dotenv."""
    if _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
