"""Keep on the server which of our programs started on it, in which mode, since when, and whose wallet trades.

SERVICE_START leaves its stream after a day or two; this record stays, so that a command can tell our server from a
stranger's.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import cast

import msgspec
from redis import Redis

from shared.redis.client import answering
from shared.redis.followed_leaders import VERSION

RECORD = "hs:pipeline"
_PROGRAM, _WALLET, _OWN = "program:", "wallet:", "own:"


@dataclass(frozen=True)
class ProgramRecord:
    """One kind of program: its mode ('' where it has none), when it first and last started here, and as whom."""

    service: str
    mode: str
    since_ms: int
    started_at_ms: int
    instance: str


@dataclass(frozen=True)
class PipelineRecord:
    """All that our programs noted on one server: `wallets` that trade, by mode, and all that are our `own`."""

    programs: tuple[ProgramRecord, ...]
    wallets: dict[str, str]
    own: frozenset[str] = frozenset()


def note_start(redis: Redis, service: str, mode: str, instance: str, now_ms: int) -> None:
    """Note that a program starts; when it first did is kept.

    Raises:
        Unavailable: the server is away; safe to call again.
    """
    field = f"{_PROGRAM}{service}:{mode}"
    with answering(redis):
        known = _program(cast("str | None", redis.hget(RECORD, field)))
        since_ms = known.since_ms if known else now_ms
        redis.hset(RECORD, field, _text(ProgramRecord(service, mode, since_ms, now_ms, instance)))


def note_running(redis: Redis, service: str, mode: str, instance: str, started_at_ms: int) -> None:
    """Note a program that runs where the server lost its note (it was emptied); raises as `note_start` does."""
    record = ProgramRecord(service, mode, started_at_ms, started_at_ms, instance)
    with answering(redis):
        redis.hsetnx(RECORD, f"{_PROGRAM}{service}:{mode}", _text(record))


def note_wallet(redis: Redis, mode: str, wallet: str) -> None:
    """Note whose money is traded with in `mode`; raises as `note_start` does."""
    with answering(redis):
        redis.hset(RECORD, f"{_WALLET}{mode}", wallet)


def note_own(redis: Redis, wallets: Iterable[str]) -> None:
    """Note wallets that are ours, which nobody may follow; detectors that run hear of a new one at their next beat.

    Raises as `note_start` does.
    """
    for wallet in wallets:
        with answering(redis):
            if redis.hset(RECORD, f"{_OWN}{wallet.lower()}", "1"):
                redis.incr(VERSION)


def read_record(redis: Redis) -> PipelineRecord:
    """Return what was noted on this server; raises as `note_start` does."""
    with answering(redis):
        fields = cast("dict[str, str]", redis.hgetall(RECORD))
    found = [_program(text) for name, text in sorted(fields.items()) if name.startswith(_PROGRAM)]
    wallets = {name.removeprefix(_WALLET): text for name, text in fields.items() if name.startswith(_WALLET)}
    own = frozenset(name.removeprefix(_OWN) for name in fields if name.startswith(_OWN))
    own |= {wallet.lower() for wallet in wallets.values()}
    return PipelineRecord(tuple(program for program in found if program), wallets, own)


def _text(record: ProgramRecord) -> str:
    return msgspec.json.encode(asdict(record)).decode()


def _program(text: str | None) -> ProgramRecord | None:
    """Read a note; None without one, or when nobody of ours wrote it."""
    try:
        return msgspec.json.decode(text, type=ProgramRecord) if text else None
    except msgspec.MsgspecError:
        return None
