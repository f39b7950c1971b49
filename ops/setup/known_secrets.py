"""The secrets of this installation, to be taken out of what leaves it: never shown, never written."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

from dotenv import dotenv_values

from ops.supervisor.server_folder import known_url
from shared.domain.redaction import is_secret_name

_FILES = ("PRIVATE_KEY_FILE", "PRIVATE_KEY_PASSWORD_FILE")
_WHOLE = frozenset({"ALERT_URLS", "HEARTBEAT_URL"})
_LEAST_PATH = 8
_LARGEST = 1_000_000


def find_secrets(env_file: str | None, data_dir: Path) -> set[str]:
    """Return what settings, the files that they name, and the server's folder hold as secrets.

    A command that prints a password is not run.
    """
    settings = {**_of_file(env_file), **os.environ}
    found = {secret for name, value in settings.items() for secret in _in_setting(name.upper(), value)}
    for name in _FILES:
        found |= set(_in_file(Path(settings[name]))) if settings.get(name) else set()
    found |= set(_in_file(data_dir / "valkey" / "password"))
    found |= set(_in_url(known_url(data_dir) or ""))
    return {form for secret in found if secret.strip() for form in (secret, quote(secret, safe=""), quote_plus(secret))}


def _of_file(env_file: str | None) -> dict[str, str]:
    try:
        read = dotenv_values(env_file, encoding="utf-8", interpolate=False) if env_file else {}
    except (OSError, UnicodeDecodeError):
        return {}
    return {name: value or "" for name, value in read.items()}


def _in_setting(name: str, value: str) -> Iterator[str]:
    if not value:
        return
    if name in _WHOLE:
        yield value
        for url in value.replace(",", " ").split():
            yield url
            yield from (
                part for part in url.partition("://")[2].replace("?", "/").split("/") if len(part) >= _LEAST_PATH
            )
    elif is_secret_name(name) and name not in {"PRIVATE_KEY_FILE", *_FILES}:
        yield value
    if "://" in value:
        yield from _in_url(value)


def _in_url(url: str) -> Iterator[str]:
    """Yield of a URL what providers and servers hide keys in: the password, the path, the query."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if parts.password:
        yield parts.password
    for name, value in parse_qsl(parts.query):
        if name == "password_file":
            yield from _in_file(Path(value))
        elif len(value) >= _LEAST_PATH:
            yield value
    yield from (part for part in parts.path.split("/") if len(part) >= 2 * _LEAST_PATH)


def _in_file(file: Path) -> Iterator[str]:
    """Yield what a file holds, and each text of a keystore."""
    try:
        if file.stat().st_size > _LARGEST:
            return
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    yield text.strip()
    yield from (line.strip() for line in text.splitlines())
    try:
        kept: object = json.loads(text)
    except ValueError:
        return
    if isinstance(kept, Mapping):
        yield from _long_texts(cast("Mapping[str, Any]", kept))


def _long_texts(kept: Mapping[str, Any]) -> Iterator[str]:
    for value in kept.values():
        if isinstance(value, Mapping):
            yield from _long_texts(cast("Mapping[str, Any]", value))
        elif isinstance(value, str) and len(value) >= 2 * _LEAST_PATH:
            yield value
