"""The ledger: balances, records and events that change together, once, or not at all.

A `Write` is one step: it happens at most once for its id, only while its fence holds and its guards allow it, and its
balances, records, events and the acknowledgement of what caused it become visible together. The step that ends a lot
(its cost and its shares are 0) takes its record away. `RedisLedger` is the durable one; `MemoryLedger` is the same
without a server, for replay and tests.
"""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, cast

import msgspec
from redis import Redis

from shared.accounts import COST, SHARES, Lot, Postings, behind_account, cost_account, shares_account
from shared.broker import Script, answering
from shared.errors import Emptied, Fenced
from shared.events import Event, write_event
from shared.gated_script import GatedScript, Turns
from shared.ledger_records import LOTS
from shared.writes import Balances, Known, Record, Refused, Result, Stale, Tally, Write, Written

MOST_WRITES = 200_000
"""Writes remembered by id. Older ones cannot come back: their stream entries were acknowledged in the same step."""


class Ledger(Protocol):
    """Where balances live."""

    def commit(self, write: Write) -> Result:
        """Carry out one step. Raises Fenced when another process holds the lease, Unavailable when Redis is away."""
        ...

    def commit_at(self, turns: Turns, write: Write) -> Result:
        """Carry out one step at the next of `turns`: it is taken in the same step. Raises as `commit`."""
        ...

    def commit_all(self, writes: Sequence[Write]) -> list[Result]:
        """Carry out each step by itself; raises as `commit` does, and some may have happened."""
        ...

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        """Return accounts (0 where unknown), which of `writes` happened, and `records`, as of one moment."""
        ...

    def records(self, kind: str) -> dict[str, str]:
        """Return all fields of one kind of record."""
        ...

    def records_of(self, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Return those of these fields of one kind of record that are there, without reading the others."""
        ...

    def accounts(self) -> Balances:
        """Return every account that is not 0."""
        ...


class RedisLedger:
    """The durable ledger of one mode (`paper` or `live`, never mixed: trap 25)."""

    def __init__(self, redis: Redis, mode: str) -> None:
        self._redis = redis
        self._commit = GatedScript(redis, Path(__file__).with_name("ledger.lua"))
        self._read = Script(redis, Path(__file__).with_name("ledger_read.lua"))
        self._prefix = f"hs:{mode}:"
        self._accounts, self._writes, self._seq = (self._prefix + name for name in ("accounts", "writes", "seq"))

    def commit(self, write: Write) -> Result:
        """Carry out one step in one script.

        Raises:
            Fenced: the lease has another token now; Emptied: the server has none any more.
            Unavailable: the server is away; whether it happened is found out by committing the same write again.
        """
        return _result(cast("list[str]", self._commit(self._keys(write), _encoded(write))))

    def commit_at(self, turns: Turns, write: Write) -> Result:
        """Carry out one step, and take the next of `turns` in it; raises as `commit`, or Unavailable when stopping."""
        return _result(cast("list[str]", self._commit(self._keys(write), _encoded(write), turns)))

    def commit_all(self, writes: Sequence[Write]) -> list[Result]:
        """Carry out each step by itself, all in one round trip.

        Raises:
            As `commit` does; some may have happened.
        """
        replies = self._commit.many([(self._keys(write), _encoded(write)) for write in writes])
        return [_result(cast("list[str]", reply)) for reply in replies]

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        """Read in one script, one round trip."""
        pairs = (word for record in records for word in record)
        keys = [self._accounts, self._writes, self._seq, self._prefix]
        reply = self._read(keys, [len(accounts), len(writes), *accounts, *writes, *pairs])
        seq, values, scores, texts = cast("tuple[str, list[str], list[str], list[str]]", reply)
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

    def _keys(self, write: Write) -> list[str]:
        fence, ack = write.fence, write.ack
        return [
            self._accounts,
            self._writes,
            self._seq,
            fence.key if fence else self._seq,
            ack.stream if ack else self._seq,
            self._prefix,
            *(stream for stream, _ in write.events),
        ]

    def accounts(self) -> Balances:
        """Return every account that is not 0."""
        return self.whole(())

    def whole(self, kinds: Sequence[str]) -> Balances:
        """Return every account that is not 0 and all records of these kinds, as of one moment."""
        with answering(self._redis), self._redis.pipeline(transaction=True) as pipe:
            pipe.get(self._seq)
            for key in (self._accounts, *(self._prefix + kind for kind in kinds)):
                pipe.hgetall(key)
            seq, values, *found = pipe.execute()
        records = {
            (kind, name): text for kind, fields in zip(kinds, found, strict=True) for name, text in fields.items()
        }
        return Balances(int(seq or 0), {name: int(value) for name, value in values.items()}, records=records)


class MemoryLedger:
    """The same rules in memory; `events` collects what would have gone to the streams."""

    def __init__(self, values: dict[str, int] | None = None, seq: int = 0) -> None:
        self.seq = seq
        self.values = dict(values or {})
        self.events: list[tuple[str, Event]] = []
        self.fence_token: str | None = None
        self._done: dict[str, int] = {}
        self._oldest: deque[str] = deque()
        self._records: dict[str, dict[str, str]] = {}

    def commit_all(self, writes: Sequence[Write]) -> list[Result]:
        """Carry out one step after the other."""
        return [self.commit(write) for write in writes]

    def commit_at(self, turns: Turns, write: Write) -> Result:
        """Take a turn, then carry out one step."""
        turns.take()
        return self.commit(write)

    def commit(self, write: Write) -> Result:
        """Carry out one step. Raises Fenced when `fence_token` is set to another token."""
        if write.fence and self.fence_token is not None and write.fence.token != self.fence_token:
            raise Fenced(f"the lease moved on to token {self.fence_token}")
        for known in (write.id, *write.unless):
            if known in self._done:
                return Known(self._done[known])
        if write.expected_seq is not None and write.expected_seq != self.seq:
            return Stale(self.seq)
        change: dict[str, int] = {}
        for account, delta in (*write.postings, *self._tallied(write.tallies)):
            change[account] = change.get(account, 0) + delta
        values = self.values
        for account, at_least, at_most in write.guards:
            value = values.get(account, 0) + change.get(account, 0)
            if at_least is not None and value < at_least:
                return Refused(account, value, at_least)
            if at_most is not None and value > at_most:
                return Refused(account, value, at_most)
        self._apply(write, change)
        return Written(self.seq)

    def _tallied(self, tallies: Sequence[Tally]) -> Postings:
        postings: list[tuple[str, int]] = []
        for tally in tallies:
            passed = max(0, tally.number - self.values.get(tally.period, 0))
            postings.append((tally.period, passed))
            postings.append((tally.count, 1 - self.values.get(tally.count, 0) if passed else 1))
        return tuple(postings)

    def _apply(self, write: Write, change: dict[str, int]) -> None:
        spent: list[str] = []
        for account, delta in change.items():
            value = self.values.get(account, 0) + delta
            if value:
                self.values[account] = value
            else:
                self.values.pop(account, None)
                if account.startswith(COST):
                    spent.append(account.removeprefix(COST))
        for account, peak in write.peaks:
            if self.values.get(account, 0) > self.values.get(peak, 0):
                self.values[peak] = self.values[account]
        for record in write.records:
            fields = self._records.setdefault(record.kind, {})
            if record.value is None:
                fields.pop(record.field, None)
            else:
                fields[record.field] = record.value
        for lot in spent:
            if not self.values.get(SHARES + lot):
                self._records.get(LOTS, {}).pop(lot, None)
        self.seq += 1
        self._remember(write.id)
        self.events += write.events

    def _remember(self, write_id: str) -> None:
        """Keep an id; the oldest leave. In a queue of their own, as a dict is slow to find its first key again."""
        self._done[write_id] = self.seq
        self._oldest.append(write_id)
        if len(self._oldest) > MOST_WRITES:
            del self._done[self._oldest.popleft()]

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        """Return accounts (0 where unknown), which of `writes` happened, and the asked records."""
        found = {(kind, name): self._records.get(kind, {}).get(name) for kind, name in records}
        return Balances(
            seq=self.seq,
            values={account: self.values.get(account, 0) for account in accounts},
            done=frozenset(write for write in writes if write in self._done),
            records={key: text for key, text in found.items() if text is not None},
        )

    def records(self, kind: str) -> dict[str, str]:
        """Return all fields of one kind of record."""
        return dict(self._records.get(kind, {}))

    def records_of(self, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Return those of these fields of one kind of record that are there."""
        fields = self._records.get(kind, {})
        return {name: fields[name] for name in names if name in fields}

    def accounts(self) -> Balances:
        """Return every account that is not 0."""
        return Balances(seq=self.seq, values=dict(self.values))


def open_lots(ledger: Ledger) -> list[Lot]:
    """Return every lot that holds shares, oldest first; they are found by their accounts, however many ended before."""
    values = ledger.accounts().values
    held = [name.removeprefix(SHARES) for name, value in values.items() if value and name.startswith(SHARES)]
    lots = [_lot_in(text, values) for text in ledger.records_of(LOTS, held).values()]
    return sorted(lots, key=lambda lot: (lot.opened_at_ms, lot.key))


def _lot_in(text: str, values: Mapping[str, int]) -> Lot:
    facts = json.loads(text)
    shares, cost, behind = (
        values.get(name(facts["leader"], facts["token_id"]), 0)
        for name in (shares_account, cost_account, behind_account)
    )
    return Lot(**facts, shares=shares, cost=cost, behind=behind)


def lot_record(lot: Lot) -> Record:
    """Return the record that says what a lot is (its amounts are accounts)."""
    said = (lot.leader, lot.token_id, lot.condition_id, lot.outcome_index, lot.title, lot.event_id, lot.group)
    return Record(LOTS, lot.key, _lot_text(*said, lot.opened_at_ms))


@lru_cache(maxsize=4096)
def _lot_text(
    leader: str,
    token_id: str,
    condition_id: str,
    outcome_index: int,
    title: str,
    event_id: str,
    group: str,
    opened_at_ms: int,
) -> str:
    return json.dumps(
        {
            "leader": leader,
            "token_id": token_id,
            "condition_id": condition_id,
            "outcome_index": outcome_index,
            "title": title,
            "event_id": event_id,
            "group": group,
            "opened_at_ms": opened_at_ms,
        }
    )


def _encoded(write: Write) -> list[str]:
    """Return a step as `ledger.lua` reads it: a small object, then the long texts as they are."""
    texts = [""]

    def place(text: str) -> int:
        texts.append(text)
        return len(texts)

    def bound(value: int | None) -> str:
        return "" if value is None else str(value)

    texts[0] = msgspec.json.encode(
        {
            "ids": [write.id, *write.unless],
            "most": MOST_WRITES,
            "postings": [[account, str(delta)] for account, delta in write.postings],
            "tallies": [[tally.period, tally.count, str(tally.number)] for tally in write.tallies],
            "peaks": write.peaks,
            "guards": [[guard.account, bound(guard.at_least), bound(guard.at_most)] for guard in write.guards],
            "records": [
                [record.kind, record.field, record.value is not None and place(record.value)]
                for record in write.records
            ],
            "events": [
                [event.event, place(write.texts.get(event.id) or write_event(event))] for _, event in write.events
            ],
            "token": write.fence.token if write.fence else "",
            "ack": {"group": write.ack.group, "entry": write.ack.entry} if write.ack else False,
            "expected_seq": bound(write.expected_seq),
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
        return Refused(reply[1], int(reply[2]), int(reply[3]))
    kinds = {"written": Written, "known": Known, "stale": Stale}
    return kinds[state](int(float(reply[1])))
