"""`hybrid diagnose`: one file with all that a person who helps needs to see, and no secret."""

import io
import json
import os
import platform
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from redis import Redis

from ops.operator.status import look_once
from ops.setup.doctor import LIMIT_S, examine
from ops.setup.domain.bundle_redaction import BundleRedactor
from ops.setup.domain.check_line import report_of
from ops.setup.effective_settings import effective_settings
from ops.setup.guide.env_writer import MODE
from ops.setup.known_secrets import find_secrets
from ops.setup.readable_settings import FoundSettings, find_settings
from ops.supervisor.server_folder import find_url
from shared.clock import Clock, SystemClock
from shared.code_version import code_version
from shared.domain.errors import BadConfig, HybridError, RefusedForSafety
from shared.messages.base import STREAMS
from shared.redis.client import answering, connect_redis
from shared.redis.streams import stream_tail

EVENTS, LOG_BYTES = 300, 500_000
"""The newest of each stream, and the end of each log."""
_READ_ME = (
    "What is in here: docs/guide/setup.md. Secrets were taken out: ***, and (hidden ...) where it may have been one.\n"
)
_OF_SERVER = ("server", "memory", "persistence", "stats", "clients", "keyspace")
Member = tuple[str, str]


def main(
    env_file: str | None,
    out: Path | None,
    logs: Sequence[Path],
    *,
    limit_s: float = LIMIT_S,
    tell: Callable[[str], None],
) -> int:
    """Gather, take out what is secret, write the bundle and tell where it is; return the exit code.

    Raises:
        BadConfig: the file is there already, or cannot be written.
        RefusedForSafety: something secret would be in it.
    """
    clock, found = SystemClock(), find_settings(env_file)
    at = datetime.fromtimestamp(clock.now_ms() / 1000, UTC)
    file = out or Path(f"hybrid-diagnose-{at:%Y%m%d-%H%M%S}.tar.gz")
    redactor = BundleRedactor(find_secrets(env_file, found.up.data_dir))
    members = list(gather(found, env_file, redactor, clock, logs, limit_s))
    write_bundle(file, members, redactor)
    tell(f"Wrote {file} ({file.stat().st_size / 1000:,.0f} kB), for your eyes only; nothing was sent anywhere.")
    tell("Look through it before you give it to anybody: " + ", ".join(name for name, _ in members))
    return 0


def gather(
    found: FoundSettings,
    env_file: str | None,
    redactor: BundleRedactor,
    clock: Clock,
    logs: Sequence[Path],
    limit_s: float = LIMIT_S,
) -> Iterator[Member]:
    """Yield each member's name and text, redacted; what cannot be had says why in its place."""
    yield "README.txt", _READ_ME
    yield "versions.json", _json(redactor, _versions)
    yield "settings.json", _json(redactor, lambda: effective_settings(found, env_file))
    mode = "live" if found.wants_live else "paper"
    yield "doctor.json", _json(redactor, lambda: report_of(examine(found, env_file, clock, limit_s), mode))
    with connect_redis(find_url(None, found.up.data_dir)) as redis:
        yield "status.json", _json(redactor, lambda: look_once(redis, clock))
        yield "server.json", _json(redactor, lambda: _server(redis))
        for stream in STREAMS:
            yield f"events/{stream.replace(':', '-')}.jsonl", _events(redactor, redis, stream)
    for log in [*sorted(found.up.data_dir.glob("log/*.log")), *logs]:
        yield f"logs/{log.name}", redactor.text(_end_of(log))


def write_bundle(file: Path, members: Sequence[Member], redactor: BundleRedactor) -> None:
    """Write the members as one file that nobody else can read; nothing where one holds what is secret.

    Raises:
        RefusedForSafety: naming the member.
        BadConfig: the file is there already, or cannot be written.
    """
    for name, text in members:
        if redactor.holds_secret(text) or redactor.holds_secret(name):
            raise RefusedForSafety(f"{name} would hold a secret, so nothing was written: please report this")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as bundle:
        for name, text in members:
            raw = text.encode()
            about = tarfile.TarInfo(f"hybrid-diagnose/{name}")
            about.size, about.mode = len(raw), MODE
            bundle.addfile(about, io.BytesIO(raw))
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(packed.getvalue())
    except OSError as error:
        raise BadConfig(f"{file}: cannot be written ({error.strerror}); give --out") from None


def _json(redactor: BundleRedactor, ask: Callable[[], Any]) -> str:
    """Return what is asked for as JSON, or why it cannot be had."""
    try:
        told = ask()
    except HybridError as error:
        told = {"not_known": str(error)}
    except Exception as error:  # noqa: BLE001 - one part must not hide the others
        told = {"not_known": f"{type(error).__name__}: {error}"}
    plain: Any = json.loads(json.dumps(told, default=str))
    return json.dumps(redactor.value(plain), indent=2) + "\n"


def _versions() -> Mapping[str, Any]:
    packages = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    return {
        "hybrid": code_version(),
        "python": sys.version,
        "platform": platform.platform(),
        "packages": dict(sorted(packages.items())),
    }


def _server(redis: Redis) -> Mapping[str, Any]:
    with answering(redis):
        return {section: redis.info(section) for section in _OF_SERVER}


def _events(redactor: BundleRedactor, redis: Redis, stream: str) -> str:
    """Return the newest events of a stream, one a line; what is no JSON is text."""
    try:
        entries = stream_tail(redis, stream, EVENTS)
    except HybridError as error:
        return json.dumps({"not_known": redactor.text(str(error))}) + "\n"
    return "".join(json.dumps(_event(redactor, entry.id, entry.json)) + "\n" for entry in entries)


def _event(redactor: BundleRedactor, entry_id: str, text: str) -> Mapping[str, Any]:
    try:
        read: Any = json.loads(text)
    except ValueError:
        read = text
    return {"entry": entry_id, "event": redactor.value(read)}


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as opened:
            opened.seek(max(0, log.stat().st_size - LOG_BYTES))
            whole = opened.read().decode("utf-8", "replace")
    except OSError as error:
        return f"cannot be read: {type(error).__name__}\n"
    return whole.partition("\n")[2] if len(whole) >= LOG_BYTES else whole
