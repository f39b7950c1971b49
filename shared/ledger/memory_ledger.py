"""Keep the ledger in memory, by the rules of the durable one: for replays and backtests."""

from collections import defaultdict, deque
from collections.abc import Sequence
from functools import partial
from typing import Self

from shared.domain.errors import Fenced
from shared.domain.ledger_accounts import COST, SHARES, Postings
from shared.domain.ledger_write import (
    Answer,
    Balances,
    Kept,
    KnownWrite,
    LedgerTally,
    LedgerWrite,
    RefusedWrite,
    Result,
    StaleLedger,
    WrittenStep,
)
from shared.domain.record_kinds import LOTS
from shared.ledger import port
from shared.ledger.gated_commit import GateTurns
from shared.messages.base import Event
from shared.messages.value_codec import kept_text


class MemoryLedger:
    """The same rules in memory; `events` collects what would have gone to the streams."""

    def __init__(self, values: dict[str, int] | None = None, seq: int = 0) -> None:
        self.seq = seq
        self.values = dict(values or {})
        self.events: list[tuple[str, Event]] = []
        self.fence_token: str | None = None
        self._done: dict[str, int] = {}
        self._oldest: deque[str] = deque()
        self._records: defaultdict[str, dict[str, Kept]] = defaultdict(dict)
        self._steps_of: dict[str, tuple[int, int]] = {}
        """By lease: its holder's newest step, and where the ledger stood when somebody else wrote last before it."""

    @classmethod
    def of(cls, whole: Balances) -> Self:
        """Return a ledger that stands as one was found."""
        ledger = cls(whole.values, whole.seq)
        for (kind, name), text in whole.records.items():
            ledger._records[kind][name] = text
        return ledger

    def commit_all(self, writes: Sequence[LedgerWrite]) -> list[Result]:
        """Carry out one step after the other."""
        return [self.commit(write) for write in writes]

    def commit_each(self, writes: Sequence[LedgerWrite], turns: Sequence[GateTurns | None]) -> list[Answer]:
        """Carry out one step after the other, each at its turn."""
        results = [
            self.commit_at(turn, write) if turn else self.commit(write)
            for write, turn in zip(writes, turns, strict=True)
        ]
        return [partial(_told, result) for result in results]

    def commit_at(self, turns: GateTurns, write: LedgerWrite) -> Result:
        """Take a turn, then carry out one step."""
        turns.take()
        return self.commit(write)

    def commit(self, write: LedgerWrite) -> Result:
        """Carry out one step. Raises Fenced when `fence_token` is set to another token."""
        if write.fence and self.fence_token is not None and write.fence.token != self.fence_token:
            raise Fenced(f"the lease moved on to token {self.fence_token}")
        if write.id in self._done or write.unless:
            for known in (write.id, *write.unless):
                if known in self._done:
                    return KnownWrite(self._done[known])
        if self._moved_on(write):
            return StaleLedger(self.seq)
        values = self.values
        after: dict[str, int] = {}
        tallied = self._tallied(write.tallies) if write.tallies else ()
        for account, delta in (*write.postings, *tallied):
            after[account] = (after[account] if account in after else values.get(account, 0)) + delta
        for guard in write.guards:
            account, at_least, at_most = guard.account, guard.at_least, guard.at_most
            value = after[account] if account in after else values.get(account, 0)
            if at_least is not None and value < at_least:
                return RefusedWrite(account, value, at_least)
            if at_most is not None and value > at_most:
                return RefusedWrite(account, value, at_most)
        self._apply(write, after)
        return WrittenStep(self.seq)

    def _moved_on(self, write: LedgerWrite) -> bool:
        """Say whether the ledger is no longer where this step was decided."""
        if write.expected_seq is not None and write.expected_seq != self.seq:
            return True
        if write.behind and self._done.get(write.behind, -1) <= (write.seen_seq or 0):
            return True
        return write.seen_seq is not None and not self._since(write) <= write.seen_seq <= self.seq

    def _since(self, write: LedgerWrite) -> int:
        """Return the number after which the holder of this step's lease alone has written."""
        last, since = self._steps_of.get(write.fence.key, (-1, 0)) if write.fence else (-1, 0)
        return since if last == self.seq else self.seq

    def _tallied(self, tallies: Sequence[LedgerTally]) -> Postings:
        postings: list[tuple[str, int]] = []
        for tally in tallies:
            passed = max(0, tally.number - self.values.get(tally.period, 0))
            postings.append((tally.period, passed))
            postings.append((tally.count, 1 - self.values.get(tally.count, 0) if passed else 1))
        return tuple(postings)

    def _apply(self, write: LedgerWrite, after: dict[str, int]) -> None:
        values, records = self.values, self._records
        values.update(after)
        over = [account for account, value in after.items() if not value] if 0 in after.values() else ()
        for account in over:
            del values[account]
        for account, peak in write.peaks:
            if values.get(account, 0) > values.get(peak, 0):
                values[peak] = values[account]
        for record in write.records:
            if record.value is None:
                records[record.kind].pop(record.field, None)
            else:
                records[record.kind][record.field] = record.value
        for account in over:
            if account.startswith(COST) and not values.get(SHARES + (lot := account.removeprefix(COST))):
                records[LOTS].pop(lot, None)
        if write.fence:
            self._steps_of[write.fence.key] = (self.seq + 1, self._since(write))
        self.seq += 1
        self._remember(write.id)
        if write.events:
            self.events += write.events

    def _remember(self, write_id: str) -> None:
        """Keep an id; the oldest leave. In a queue of their own, as a dict is slow to find its first key again."""
        self._done[write_id] = self.seq
        self._oldest.append(write_id)
        if len(self._oldest) > port.MOST_WRITES:
            del self._done[self._oldest.popleft()]

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        """Return accounts (0 where unknown), which of `writes` happened, and the asked records."""
        value_of, kinds = self.values.get, self._records
        found = {key: kinds[key[0]][key[1]] for key in records if key[0] in kinds and key[1] in kinds[key[0]]}
        return Balances(
            self.seq,
            {account: value_of(account, 0) for account in accounts},
            frozenset([write for write in writes if write in self._done]),
            {key: kept_text(kept) for key, kept in found.items()},
        )

    def records(self, kind: str) -> dict[str, str]:
        """Return all fields of one kind of record."""
        return {name: kept_text(kept) for name, kept in self._records.get(kind, {}).items()}

    def records_of(self, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Return those of these fields of one kind of record that are there."""
        fields = self._records.get(kind, {})
        return {name: kept_text(fields[name]) for name in names if name in fields}

    def snapshot(self, kinds: Sequence[str]) -> Self:
        """Return this ledger: reading it costs nothing."""
        del kinds
        return self

    def accounts(self) -> Balances:
        """Return every account that is not 0."""
        return Balances(seq=self.seq, values=dict(self.values))


def _told(result: Result) -> Result:
    return result
