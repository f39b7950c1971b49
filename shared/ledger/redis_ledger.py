"""Keep the ledger in Redis: every step is one script."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast

import msgspec
from redis import Redis

from shared.domain.errors import Emptied, Fenced, ServerWentBack
from shared.domain.ledger_write import (
    Answer,
    Balances,
    KnownWrite,
    LedgerWrite,
    RefusedWrite,
    Result,
    StaleLedger,
    WrittenStep,
)
from shared.domain.record_kinds import LOTS
from shared.ledger import port
from shared.ledger.gated_commit import GatedScript, GateTurns
from shared.ledger.ledger_marks import LedgerMarks, LedgerPlace
from shared.ledger.memory_ledger import MemoryLedger
from shared.messages.events import write_event
from shared.messages.value_codec import kept_text
from shared.redis.client import LuaScript, answering


class RedisLedger:
    """The durable ledger of one mode (`paper` or `live`, never mixed: pitfall 25).

    With `marks` a server that went back is known before anything is written to it, and whenever its number is read.
    """

    def __init__(self, redis: Redis, mode: str, marks: LedgerMarks | None = None) -> None:
        self._redis, self._marks = redis, marks
        self._commit = GatedScript(redis, Path(__file__).with_name("ledger.lua"))
        self._read = LuaScript(redis, Path(__file__).with_name("ledger_read.lua"))
        self._prefix = f"hs:{mode}:"
        self._accounts, self._writes, self._seq = (self._prefix + name for name in ("accounts", "writes", "seq"))

    def commit(self, write: LedgerWrite) -> Result:
        """Carry out one step in one script.

        Raises:
            Fenced: the lease has another token now; Emptied: the server has none any more.
            ServerWentBack: it forgot what we saw of it; nothing was written.
            Unavailable: the server is away; whether it happened is found out by committing the same write again.
        """
        return self._noted(write, self._commit(*self._call(write, self._place())))

    def commit_at(self, turns: GateTurns, write: LedgerWrite) -> Result:
        """Carry out one step, and take the next of `turns` in it; raises as `commit`, or Unavailable when stopping."""
        return self._noted(write, self._commit(*self._call(write, self._place()), turns))

    def commit_all(self, writes: Sequence[LedgerWrite]) -> list[Result]:
        """Carry out each step by itself, all in one round trip.

        Raises:
            As `commit` does; some may have happened.
        """
        place = self._place()
        replies = self._commit.many([self._call(write, place) for write in writes])
        return [self._noted(write, reply) for write, reply in zip(writes, replies, strict=True)]

    def commit_each(self, writes: Sequence[LedgerWrite], turns: Sequence[GateTurns | None]) -> list[Answer]:
        """Send steps to be carried out each by itself, behind those that were sent before; go on meanwhile.

        Whoever asks for an answer waits until the server has it, and for the step's turn where that comes later.

        Raises:
            Unavailable: the server is away; some may have happened. The answers raise so too, and as `commit_at` does.
        """
        place = self._place()
        replies = self._commit.send([self._call(write, place) for write in writes], turns)
        return [partial(self.heard_step, write, reply) for write, reply in zip(writes, replies, strict=True)]

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        """Read in one script, one round trip."""
        hashes, seen = (self._prefix + kind for kind, _ in records), self._seen()
        keys, fields = [self._accounts, self._writes, self._seq, *hashes], (field for _, field in records)
        reply = self._read(keys, [len(accounts), len(writes), *accounts, *writes, *fields])
        seq, values, scores, texts = cast("tuple[str, list[str], list[str], list[str]]", reply)
        self._check_number(int(seq), seen)
        return Balances(
            seq=int(seq),
            values={name: int(value) for name, value in zip(accounts, values, strict=True)},
            done=frozenset(write for write, score in zip(writes, scores, strict=True) if score),
            records={key: text for key, text in zip(records, texts, strict=True) if text},
        )

    def records(self, kind: str) -> dict[str, str]:
        """Return all fields of one kind of record."""
        with answering(self._redis):
            return cast("dict[str, str]", self._redis.hgetall(self._prefix + kind))

    def records_of(self, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Return those of these fields of one kind of record that are there."""
        if not names:
            return {}
        with answering(self._redis):
            texts = cast("list[str | None]", self._redis.hmget(self._prefix + kind, list(names)))
        return {name: text for name, text in zip(names, texts, strict=True) if text is not None}

    def _place(self) -> LedgerPlace | None:
        """Return what the next step compares with; while a loss is not accepted nothing is written.

        Raises:
            ServerWentBack: it is not.
        """
        if self._marks is None:
            return None
        if self._marks.loss is not None:
            raise self._marks.went_back(self._marks.loss.found)
        return self._marks.place

    def _seen(self) -> int:
        """Return the least number that what is read from now on can have."""
        return 0 if self._marks is None or self._marks.loss else self._marks.place.seen

    def _check_number(self, seq: int, seen: int) -> None:
        if self._marks is None or self._marks.loss is not None:
            return
        if seq < seen:
            raise self._marks.went_back(seq)
        self._marks.note(seq)

    def _noted(self, write: LedgerWrite, reply: object) -> Result:
        """Return what became of a step, and remember where it stands."""
        state, number, *_ = words = cast("list[str]", reply)
        if state == "back":
            raise self._marks.went_back(int(number)) if self._marks else ServerWentBack(f"the ledger is at {number}")
        if self._marks is not None and state in {"written", "stale"}:
            self._marks.note(int(number), write.id if state == "written" else "")
        return _result(words)

    def heard_step(self, write: LedgerWrite, reply: Callable[[], object]) -> Result:
        """Wait for what became of a step that was sent, and note it; raises as `commit_at`."""
        return self._noted(write, reply())

    def _call(self, write: LedgerWrite, after: LedgerPlace | None) -> tuple[list[str], list[str]]:
        """Return every key that a step touches, and what `ledger.lua` is told."""
        fence, ack = write.fence, write.ack
        hashes = {record.kind: self._prefix + record.kind for record in write.records}
        streams = {stream: self._stream(stream) for stream, _ in write.events}
        keys = [
            self._accounts,
            self._writes,
            self._seq,
            fence.key if fence else self._seq,
            ack.stream if ack else self._seq,
            self._prefix + LOTS,
            *hashes.values(),
            *streams.values(),
        ]
        places = {key: place for place, key in enumerate(keys, 1)}
        at = {name: places[key] for name, key in (hashes | streams).items()}
        return keys, _encoded(write, at, after)

    def _stream(self, name: str) -> str:
        """Return where an event of a stream goes."""
        return name

    def accounts(self) -> Balances:
        """Return every account that is not 0."""
        return self.whole(())

    def snapshot(self, kinds: Sequence[str]) -> MemoryLedger:
        """Return what every account and these kinds of records hold, asked in one round trip."""
        return MemoryLedger.of(self.whole(kinds))

    def whole(self, kinds: Sequence[str]) -> Balances:
        """Return every account that is not 0 and all records of these kinds, as of one moment."""
        seen = self._seen()
        with answering(self._redis), self._redis.pipeline(transaction=True) as pipe:
            pipe.get(self._seq)
            for key in (self._accounts, *(self._prefix + kind for kind in kinds)):
                pipe.hgetall(key)
            seq, values, *found = pipe.execute()
        self._check_number(int(seq or 0), seen)
        records = {
            (kind, name): text for kind, fields in zip(kinds, found, strict=True) for name, text in fields.items()
        }
        balances = {name: int(value) for name, value in values.items()}
        if self._marks is not None and self._marks.loss is None:
            self._marks.note_controls(balances)
        return Balances(int(seq or 0), balances, records=records)


def _encoded(write: LedgerWrite, at: Mapping[str, int], after: LedgerPlace | None) -> list[str]:
    """Return a step as `ledger.lua` reads it: a small object, then the long texts as they are.

    `at` says at which place the key of a kind of record, or of a stream, stands.
    """
    texts = [""]
    places: dict[str, int] = {}

    def place(text: str) -> int:
        """Return where a text stands; one that is a record's value and an event's, too, is sent once."""
        if text not in places:
            texts.append(text)
            places[text] = len(texts)
        return places[text]

    texts[0] = msgspec.json.encode(
        {
            "ids": (write.id, *write.unless),
            "most": port.MOST_WRITES,
            "postings": write.postings,
            "tallies": write.tallies,
            "peaks": write.peaks,
            "guards": write.guards,
            "records": [
                (at[record.kind], record.field, record.value is not None and place(kept_text(record.value)))
                for record in write.records
            ],
            "events": [
                (at[stream], event.event, place(write.texts.get(event.id) or write_event(event)))
                for stream, event in write.events
            ],
            "token": write.fence.token if write.fence else "",
            "ack": write.ack,
            "expected_seq": write.expected_seq,
            "seen_seq": write.seen_seq,
            "behind": write.behind,
            "after": after is not None and {"seen": after.seen, "id": after.write_id, "at": after.write_seq},
        }
    ).decode()
    return texts


def _result(reply: list[str]) -> Result:
    state = reply[0]
    if state == "fenced" and not reply[1]:
        raise Emptied("our lease is gone: the server was emptied")
    if state == "fenced":
        raise Fenced(f"another process is active: the lease has token {reply[1]}")
    if state == "refused":
        return RefusedWrite(reply[1], int(reply[2]), int(reply[3]))
    kinds = {"written": WrittenStep, "known": KnownWrite, "stale": StaleLedger}
    return kinds[state](int(float(reply[1])))
