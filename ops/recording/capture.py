"""`hybrid capture`: write the streams to a file, as they are."""

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from redis import Redis

from shared import logs
from shared.capture.capture import Capture, Header, capture_writer, captured_to, is_after
from shared.clock import Clock, SystemClock
from shared.domain import exit_codes
from shared.domain.errors import Unavailable
from shared.domain.record_kinds import EXITS, GATHERED, INTENTS, LOTS
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE, SIDE_STREAMS, SIGNALS, STREAMS
from shared.process import outlet
from shared.process.instance_lock import instance_lock
from shared.process.service_life import HURRY_AFTER_S, Abandon, left_by_nobody
from shared.process.service_runner import leave
from shared.process.shutdown_signals import heard_signals
from shared.process.stderr_lines import say_line
from shared.redis.client import answering, connect_redis
from shared.redis.streams import StreamEntry, follow_streams, settled

RETRY_S = 1.0
LINES = ".jsonl"
CAPTURED = (*STREAMS, *SIDE_STREAMS)


@dataclass(frozen=True)
class CaptureStart:
    """Where a capture begins: behind which entries, with which balances, under which settings of earlier starts."""

    positions: Mapping[str, str]
    header: Header
    settings: list[StreamEntry] = field(default_factory=list[StreamEntry])


def main(file: Path, redis_url: str, *, keep_following: bool, from_start: bool) -> int:
    """Write to `file` until told to stop, or only what is there now; return how many entries were written."""
    stop = stop_on_signals()
    outlet.install_outlet()
    return capture(
        connect_redis(redis_url, blocking_s=1), file, stop, keep_following=keep_following, from_start=from_start
    )


def stop_on_signals(abandon: Abandon = left_by_nobody, clock: Clock | None = None) -> threading.Event:
    """Return an event that a stop signal sets; told once more, the process ends at once and says what it left.

    Args:
        abandon: Drops at once what runs outside this process, and names it.
        clock: The time between the two.
    """
    stop, now = threading.Event(), clock or SystemClock()
    told: list[float] = []

    def tell(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        told.append(now.monotonic())
        if told[-1] - told[0] >= HURRY_AFTER_S:
            left = ", ".join(abandon()) or "what this command was doing"
            say_line(f"hybrid: told twice, ended at once; left unfinished: {left}")
            leave(exit_codes.CRASH)

    for number in heard_signals():
        signal.signal(number, tell)
    return stop


def capture(
    redis: Redis,
    file: Path,
    stop: threading.Event,
    *,
    keep_following: bool = False,
    from_start: bool = True,
    clock: Clock | None = None,
) -> int:
    """Write every stream from its beginning (or from now on) to `file`.

    A folder of segments that is there already is gone on with, where it ends. Reading is without a group, so nothing
    waits for a capture; what was trimmed while none ran is lost to it, and said.

    Raises:
        FileExistsError: a plain capture (`.jsonl`) is never overwritten.
        RefusedForSafety: another process captures to this folder: every entry would stand in it twice.
        Unavailable: the server is away at the start; later it is waited for.
    """
    with _alone(file):
        return _capture(redis, file, stop, clock or SystemClock(), keep_following=keep_following, from_start=from_start)


def _alone(file: Path) -> contextlib.AbstractContextManager[object]:
    """Hold a folder for this process alone; a plain file is new, and nobody else's."""
    if file.suffix == LINES:
        return contextlib.nullcontext()
    file.mkdir(parents=True, exist_ok=True)
    return instance_lock("capture", file)


def _capture(
    redis: Redis, file: Path, stop: threading.Event, clock: Clock, *, keep_following: bool, from_start: bool
) -> int:
    begun = captured_to(file)
    start = _again(redis, file, begun) if begun else _beginning(clock) if from_start else _now(redis, clock)
    positions = dict(start.positions)
    with contextlib.closing(capture_writer(file, start.header, positions, start.settings)) as out:
        while True:
            try:
                entries = follow_streams(redis, positions, block_ms=500 if keep_following else 1)
            except Unavailable:
                if stop.is_set():
                    return out.written
                clock.wait(stop, RETRY_S)
                continue
            out.write(entries)
            if stop.is_set() or not (entries or keep_following):
                return out.written


def _again(redis: Redis, file: Path, begun: Mapping[str, str]) -> CaptureStart:
    """Go on where a capture ended; say where the server has dropped even what was captured last."""
    for stream, last in begun.items():
        with answering(redis):
            oldest = redis.xrange(stream, count=1)
        if oldest and last != "0-0" and is_after(str(oldest[0][0]), last):
            fix = "what was trimmed in between is in no capture: capture all the time, or keep more entries"
            logs.get_logger("capture").warning("entries_lost", stream=stream, after=last, before=oldest[0][0], fix=fix)
    return CaptureStart(dict.fromkeys(CAPTURED, "0-0") | dict(begun), Capture.open(file).header)


def _beginning(clock: Clock) -> CaptureStart:
    return CaptureStart(dict.fromkeys(CAPTURED, "0-0"), Header(clock.now_ms()))


def _now(redis: Redis, clock: Clock) -> CaptureStart:
    """Begin here: what the buyer holds now is where a replay starts, and what it has not decided yet belongs to it."""
    ledger = RedisLedger(redis, "paper")
    settings = [entry for entry in _all(redis, SERVICE) if entry.fields.get("event") == "SERVICE_START"]
    while True:
        balances = ledger.accounts()
        records = {kind: ledger.records(kind) for kind in (LOTS, INTENTS, EXITS, GATHERED)}
        header = Header(clock.now_ms(), balances.seq, balances.values, **records)
        positions = {stream: _last(redis, stream) for stream in CAPTURED} | {SIGNALS: settled(redis, SIGNALS, "buyer")}
        if ledger.read(()).seq == balances.seq:
            return CaptureStart(positions, header, settings)


def _all(redis: Redis, stream: str) -> Iterator[StreamEntry]:
    positions = {stream: "0-0"}
    while entries := follow_streams(redis, positions, block_ms=1):
        yield from entries


def _last(redis: Redis, stream: str) -> str:
    with answering(redis):
        newest = redis.xrevrange(stream, count=1)
    return str(newest[0][0]) if newest else "0-0"
