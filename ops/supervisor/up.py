"""`hybrid up`: detector, buyer, redeemer and rq worker under one parent, on the embedded server or on REDIS_URL."""

import contextlib
import json
import os
import sys
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO, cast

from redis import Redis

from ops.config import UpSettings
from ops.supervisor.child import ChildProcess, ChildProgram, Sink
from ops.supervisor.embedded_redis import EmbeddedRedis
from ops.supervisor.pipeline import ProcessPipeline
from ops.supervisor.server_folder import embedded_server
from shared import logs
from shared.clock import Clock, SystemClock
from shared.domain.errors import BadConfig, HybridError
from shared.domain.plain_text import make_plain
from shared.domain.secret_settings import ADDRESSES
from shared.domain.trading_words import LIVE
from shared.messages.base import SERVICE
from shared.messages.events import read_event
from shared.messages.service import ServiceStop
from shared.process import outlet, service_runner
from shared.process.instance_lock import instance_lock
from shared.process.shutdown_signals import Inbox, ToldToStop, die_with_parent, listen_signals
from shared.process.stderr_lines import say_stopped
from shared.redis.client import connect_redis
from shared.redis.connection.key_prefix import with_prefix
from shared.redis.streams import stream_tail

PROGRAMS = (
    ("detector", "detector"),
    ("buyer", "buyer"),
    ("redeemer", "redeemer"),
    ("worker", "redeemer.worker"),
)
"""Name and module, in the order they are ended in: no new signal first, then no new order, then no new redemption."""
ALERTS = ("alerts", "ops.alerts")
"""Who tells a person, where that is wanted: ended last, so it tells of the end; the pipeline runs without it."""

WEB = ("web", "ops.web")
"""The dashboard, where that is wanted: ended last, so it shows the end; the pipeline runs without it."""

BESIDE = frozenset({ALERTS[0], WEB[0]})
"""What the pipeline runs without."""

REDEEMING = frozenset({"redeemer", "worker"})

_COLOURS = {"detector": "36", "buyer": "32", "redeemer": "35", "worker": "34", "alerts": "33", "web": "33"}
_KEEP_LOG_BYTES = 10_000_000
_LAST_WORDS = 100
_SHOWN = ("signals", "sightings", "dropped", "decisions", "exits", "redeemed", "succeeded", "failed")
_WRITING = threading.Lock()


def main(settings: UpSettings, *, env_file: str | None = None, clock: Clock | None = None) -> int:
    """Run everything until told to stop; return the exit code.

    Raises:
        BadConfig: nobody to follow.
        RefusedForSafety: another `hybrid up` uses the same folder.
        DependencyMissing: the embedded server did not start.
    """
    inbox = Inbox()
    with listen_signals(inbox):
        settings.check_leaders()
        refuse_descriptor(os.environ)
        die_with_parent()
        outlet.install_outlet()
        logs.configure_logs(level=settings.log_level, form=settings.log_format)
        try:
            return _run(settings, env_file, clock or SystemClock(), inbox)
        except ToldToStop as told:
            return say_stopped("up", told)


def _run(settings: UpSettings, env_file: str | None, clock: Clock, inbox: Inbox) -> int:
    """Run everything; the server, which is ours, goes last: what ends writes its last words to it."""
    mode = settings.mode
    with instance_lock("up", settings.data_dir), _server(settings, clock) as server:
        url = with_prefix(server.url, settings.hs_prefix) if server else settings.redis_url
        told = settings.model_copy(update={"redis_url": url})
        pipeline = ProcessPipeline(children(told, to_terminal(sys.stderr), clock, env_file), clock=clock, server=server)
        with connect_redis(url) as redis:
            began_ms = clock.now_ms()
            code = service_runner.run(
                pipeline, told, redis=redis, clock=clock, mode=mode, inbox=inbox, abandon=pipeline.abandon
            )
            said = summary(redis, began_ms)
            if len(said) > 1:  # a pipeline of which nothing began has nothing to sum up
                outlet.print_line(json.dumps(said))
            return code


def redeems_live(env_file: str | None) -> bool:
    """Say whether real winnings can be redeemed: through the relayer that takes a key which not everybody has."""
    from redeemer.config import parse_args  # noqa: PLC0415 - only real money needs to know

    settings = parse_args(["--env-file", env_file] if env_file else [])
    return not settings.relayed or settings.relayer_api_key is not None


def refuse_descriptor(environment: Mapping[str, str]) -> None:
    """Refuse a password in a file descriptor: it can be read once, and several programs sign.

    Raises:
        BadConfig: with what to use instead.
    """
    if environment.get("PRIVATE_KEY_PASSWORD_FD"):
        raise BadConfig(
            "PRIVATE_KEY_PASSWORD_FD can be read once, and `hybrid up` starts several programs that sign: use "
            "PRIVATE_KEY_PASSWORD_FILE or PRIVATE_KEY_PASSWORD_COMMAND, or `hybrid service`"
        )


def summary(redis: Redis, began_ms: int) -> dict[str, Any]:
    """Return what each program said at its last end since then; a server that is away leaves it empty."""
    said: dict[str, Any] = {"event": "RUN_SUMMARY"}
    with contextlib.suppress(HybridError):
        events = (read_event(entry.json) for entry in stream_tail(redis, SERVICE, _LAST_WORDS))
        for stop in (event for event in events if isinstance(event, ServiceStop) and event.emitted_at_ms >= began_ms):
            figures = cast("dict[str, Any]", stop.snapshots.get(stop.service, {}))
            shown = {name: figures[name] for name in _SHOWN if name in figures}
            said[stop.service] = {**shown, "reason": stop.reason, "exit_code": stop.exit_code}
    return said


def children(settings: UpSettings, sink: Sink, clock: Clock, env_file: str | None = None) -> list[ChildProcess]:
    """Build the programs, told what `settings` says; who redeems live is left out where it could not (S6)."""
    left_out = REDEEMING if settings.mode == LIVE and not redeems_live(env_file) else frozenset[str]()
    if left_out:
        fix = "set RELAYER_API_KEY and RELAYER_API_KEY_ADDRESS; till then redeem on the venue's site"
        logs.get_logger("up").warning("redeemer_left_out", why="no key for the venue's relayer", fix=fix)
    return [
        ChildProcess(_program(settings, name, module, place, env_file), sink, clock)
        for place, (name, module) in enumerate(programs(settings), start=1)
        if name not in left_out
    ]


def programs(settings: UpSettings) -> tuple[tuple[str, str], ...]:
    """Return what is run, in the order it is ended in."""
    alerts = (ALERTS,) if settings.alerts or settings.wants_alerts else ()
    return (*PROGRAMS, *alerts, *((WEB,) if settings.web_dashboard else ()))


def _program(settings: UpSettings, name: str, module: str, place: int, env_file: str | None) -> ChildProgram:
    told = dict(environment(settings, place, env_file))
    told |= {"DATA_DIR": str(settings.data_dir)} if name in BESIDE else {}
    told |= {} if name == ALERTS[0] else dict.fromkeys(ADDRESSES, "")
    return ChildProgram(name, module, told, signs=signs(settings, name), optional=name in BESIDE)


def signs(settings: UpSettings, name: str) -> bool:
    """Say whether a program signs, and so is given what leads to the key: nobody on paper; never detector and faces."""
    return settings.mode == LIVE and name not in {"detector", *BESIDE}


def environment(settings: UpSettings, position: int, env_file: str | None = None) -> Mapping[str, str]:
    """Return what the program at `position` (from 1) is told beyond our own environment."""
    told = {"REDIS_URL": settings.redis_url, "TRACKED_WALLETS": ",".join(settings.leaders), "RUNTIME_SECONDS": "0"}
    told |= {"LIVE": str(settings.live).lower(), "DRY_RUN": str(settings.dry_run).lower()}
    told["HEALTH_PORT"] = str(settings.health_port + position if settings.health_port else 0)
    if env_file:
        told["HYBRID_ENV_FILE"] = env_file
    if "log_format" not in settings.model_fields_set and sys.stderr.isatty():
        told["LOG_FORMAT"] = "text"
    return told


def to_terminal(out: TextIO) -> Sink:
    """Write each line behind its program's name, coloured on a terminal."""
    coloured = out.isatty()

    def write(name: str, line: str) -> None:
        label = f"{name:<9}"
        shown = f"\x1b[{_COLOURS.get(name, '37')}m{label}\x1b[0m" if coloured else label
        with _WRITING:
            out.write(f"{shown} {make_plain(line)}\n")
            out.flush()

    return write


def to_files(folder: Path) -> Sink:
    """Write each program's lines to `folder/<name>.log`; a file that grew beyond 10 MB is set aside first."""
    folder.mkdir(parents=True, exist_ok=True)

    def write(name: str, line: str) -> None:
        path = folder / f"{name}.log"
        with _WRITING:
            if path.exists() and path.stat().st_size > _KEEP_LOG_BYTES:
                path.replace(path.with_suffix(".log.1"))
            with path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    return write


@contextmanager
def _server(settings: UpSettings, clock: Clock) -> Generator[EmbeddedRedis | None]:
    if not settings.embeds_server:
        yield None
        return
    with embedded_server(settings.data_dir, clock) as server:
        yield server
