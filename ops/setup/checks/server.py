"""The server: the one that runs and what it would forget, or the file that ours would start from."""

from collections.abc import Sequence
from pathlib import Path

from ops.setup.domain.check_line import CheckLine, failed, passed, warned
from ops.supervisor.server_folder import known_url
from shared.clock import Clock
from shared.domain.errors import HybridError
from shared.domain.exit_codes import CRASH, DEPENDENCY_MISSING, REFUSED_FOR_SAFETY, exit_code
from shared.process.beats import read_standings
from shared.redis.client import answering, check_server, connect_redis, redacted_url

_MB = 1_000_000
SLOW_MS = 50


def look_at_server(named_url: str, data_dir: Path, clock: Clock, *, live: bool) -> Sequence[CheckLine]:
    """Say how the server stands that `hybrid up` would use; `named_url` is '' where nobody named one."""
    url = named_url or known_url(data_dir)
    if not url:
        return [_file(data_dir / "valkey")]
    try:
        return _running(url, clock, live=live)
    except HybridError as error:
        code = exit_code(error)
        fix = "Start it, or unset REDIS_URL: `hybrid up` brings its own" if named_url else "`hybrid up` starts it anew"
        return [failed("server", str(error), fix, DEPENDENCY_MISSING if code == CRASH else code)]


def _running(url: str, clock: Clock, *, live: bool) -> list[CheckLine]:
    with connect_redis(url) as redis:
        findings = check_server(redis)
        began = clock.monotonic()
        with answering(redis):
            redis.ping()
        took_ms = (clock.monotonic() - began) * 1000
        programs = sorted({one.beat.service for one in read_standings(redis) if one.working})
    running = f"running now: {', '.join(programs)}" if programs else "none of our programs runs on it now"
    found = f"{redacted_url(url)} answers in {took_ms:.1f} ms; {running}"
    lines = [_forgets(problem, live=live) for problem in findings.forgets]
    if findings.too_old:
        lines.append(failed("server", findings.too_old, "Use Redis 7.0 or newer, or Valkey"))
    if findings.unknown:
        lines.append(warned("server", findings.unknown, "Ask who runs it whether a restart loses anything"))
    if took_ms > SLOW_MS:
        lines.append(warned("server", found, "Every step waits for it: run it on this machine"))
    return lines or [passed("server", found)]


def _forgets(problem: str, *, live: bool) -> CheckLine:
    said, _, fix = problem.rstrip(".").rpartition(". ")
    if live:
        return failed("server", said, f"{fix}; a live buyer refuses to start", REFUSED_FOR_SAFETY)
    return warned("server", said, fix)


def _file(folder: Path) -> CheckLine:
    """Say what the embedded server would read at its start."""
    files = [file for file in folder.glob("appendonlydir/*") if file.is_file()] if folder.is_dir() else []
    if not files:
        return passed("server", f"none runs, nothing is kept in {folder}: `hybrid up` starts one")
    unreadable = [file.name for file in files if not _readable(file)]
    if unreadable:
        fix = f"chown the files of {folder} to the user who runs `hybrid up`"
        return failed("server", f"{', '.join(unreadable)} in {folder} cannot be read", fix)
    if not any(file.suffix == ".manifest" for file in files):
        fix = "Put the whole folder back from a backup: parts without their manifest are not read"
        return failed("server", f"{folder} holds parts of a ledger and no manifest", fix, REFUSED_FOR_SAFETY)
    size = sum(file.stat().st_size for file in files)
    return passed("server", f"none runs; `hybrid up` reads {size / _MB:.1f} MB from {folder}")


def _readable(file: Path) -> bool:
    try:
        with file.open("rb"):
            return True
    except OSError:
        return False
