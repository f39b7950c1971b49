"""The ledger with a copy at hand: what it holds is known without asking, for as long as nobody else writes to it.

Every step that this process writes is carried out on the copy as well, in the ledger's order. The ledger numbers its
steps, so a number that is missing says that somebody else wrote (a control, the redeemer, another buyer): then nothing
is at hand until `refresh` has read everything again. Whoever decides on the copy has its step refused when the ledger
moved on (`LedgerWrite.expected_seq`), so an old copy can cost time and nothing else.

Steps that go out together are foreseen: what is decided behind one is decided on the ledger as that step will leave it,
and refused where that step was not written (`LedgerWrite.behind`).
Between them a step of another thread of this buyer may come, which changes nothing that the guards do not ask again; a
step of anybody else may not (`LedgerWrite.seen_seq`).
"""

import contextlib
import threading
from collections import deque
from collections.abc import Generator, Sequence
from functools import partial

from shared import logs
from shared.clock import Clock
from shared.domain.errors import Unavailable
from shared.domain.ledger_write import Answer, Balances, LedgerWrite, Result, StaleLedger, WrittenStep
from shared.domain.record_kinds import EXITS, GATHERED, INTENTS, LEFT, LOTS, ORDERS, SIGNED, STAKED
from shared.ledger.gated_commit import GateTurns
from shared.ledger.memory_ledger import MemoryLedger
from shared.ledger.redis_ledger import RedisLedger

EVERY_S = 1.0
"""How often everything is read again at most."""
HANGS_S = 1.0
"""So long another thread's step may go without an answer; after that nothing is at hand until it has one."""
MOST_HEARD = 10_000
"""Steps that wait to be carried out on the copy; beyond them everything is read again."""
KINDS = (INTENTS, SIGNED, ORDERS, LOTS, EXITS, GATHERED, STAKED, LEFT)
"""The records that are kept at hand: all that a decision looks at."""


class LedgerCopy(MemoryLedger):
    """The ledger as of its step `seq`."""

    def fork(self) -> "ForeseenLedger":
        """Return another copy, on which steps can be carried out that the ledger has not seen yet."""
        copy = ForeseenLedger(self.values, self.seq)
        for kind, fields in self._records.items():
            copy._records[kind] = dict(fields)  # noqa: SLF001 - of its own kind
        return copy

    def _moved_on(self, write: LedgerWrite) -> bool:
        """Say that the ledger stands where this step was decided: the ledger itself has judged that."""
        del write
        return False

    def follow(self, write: LedgerWrite) -> bool:
        """Carry out the ledger's next step; say whether it comes to the same here."""
        expected = self.seq + 1
        result = self.commit(write)
        self.events.clear()
        return result == WrittenStep(expected)

    def _remember(self, write_id: str) -> None:
        """Keep no ids: the ledger itself knows what happened."""


class ForeseenLedger(LedgerCopy):
    """The ledger as of its step `known_seq`, and what steps will leave that it has not seen yet."""

    def __init__(self, values: dict[str, int] | None = None, seq: int = 0) -> None:
        super().__init__(values, seq)
        self.known_seq = seq
        self._expected: set[str] = set()

    def expect(self, write: LedgerWrite) -> None:
        """Carry out a step that the ledger has not seen yet; one that it will refuse, or knows, changes nothing."""
        if write.id not in self._expected:
            self._expected.add(write.id)
            self.commit(write)
            self.events.clear()


class MirroredLedger:
    """A ledger like the one it stands before, and `at_hand` for the thread that calls `refresh`; write from any."""

    def __init__(self, ledger: RedisLedger, clock: Clock) -> None:
        self._ledger, self._clock = ledger, clock
        self._copy: LedgerCopy | None = None
        self._foreseen: ForeseenLedger | None = None
        self._unheard: set[str] = set()
        self._under_way: dict[int, float] = {}
        self._owner, self._next = 0, 0.0
        self._heard: deque[tuple[int, LedgerWrite]] = deque(maxlen=MOST_HEARD)
        self._news: deque[tuple[int, LedgerWrite]] = deque(maxlen=MOST_HEARD)
        self._looks_ahead = False
        self._ahead: dict[int, LedgerWrite] = {}
        self._log = logs.get_logger("ledger")

    def commit(self, write: LedgerWrite) -> Result:
        """Carry out one step, as the ledger does."""
        with self._writing():
            return self._noted(write, self._ledger.commit(write))

    def commit_at(self, turns: GateTurns, write: LedgerWrite) -> Result:
        """Carry out one step at a turn, as the ledger does."""
        with self._writing():
            return self._noted(write, self._ledger.commit_at(turns, write))

    def commit_all(self, writes: Sequence[LedgerWrite]) -> list[Result]:
        """Carry out each step by itself, as the ledger does."""
        with self._writing():
            results = self._ledger.commit_all(writes)
            return [self._noted(write, result) for write, result in zip(writes, results, strict=True)]

    def commit_each(self, writes: Sequence[LedgerWrite], turns: Sequence[GateTurns | None]) -> list[Answer]:
        """Send each step to be carried out at its turn, as the ledger does."""
        self._unheard |= {write.id for write in writes}
        with self._writing():
            answers = self._ledger.commit_each(writes, turns)
        return [partial(self._heard_of, write, answer) for write, answer in zip(writes, answers, strict=True)]

    def read(
        self, accounts: Sequence[str], writes: Sequence[str] = (), records: Sequence[tuple[str, str]] = ()
    ) -> Balances:
        """Ask the ledger."""
        return self._ledger.read(accounts, writes, records)

    def records(self, kind: str) -> dict[str, str]:
        """Ask the ledger."""
        return self._ledger.records(kind)

    def records_of(self, kind: str, names: Sequence[str]) -> dict[str, str]:
        """Ask the ledger."""
        return self._ledger.records_of(kind, names)

    def accounts(self) -> Balances:
        """Ask the ledger."""
        return self._ledger.accounts()

    def snapshot(self, kinds: Sequence[str]) -> MemoryLedger:
        """Ask the ledger: what others wrote is not at hand."""
        return self._ledger.snapshot(kinds)

    def at_hand(self, accounts: Sequence[str], records: Sequence[tuple[str, str]]) -> Balances | None:
        """Return what `read` would, without asking anybody and without `done`; None when that is not known now."""
        copy = self._here()
        return copy.read(accounts, (), records) if copy is not None else None

    def kind_at_hand(self, kind: str) -> dict[str, str] | None:
        """Return what `records` would of a kind that is kept, without asking anybody; None when it is not known now."""
        copy = self._here()
        return copy.records(kind) if copy is not None else None

    def _here(self) -> LedgerCopy | None:
        if self._owner != threading.get_ident():
            return None
        if self._foreseen is not None:
            self._follow_news(self._foreseen)
            return self._foreseen
        copy = self._copy
        return copy if copy is not None and not self._hangs() and self._caught_up(copy) else None

    @property
    def known_seq(self) -> int | None:
        """Return the ledger's step up to which what is at hand is known, not foreseen."""
        if self._foreseen is not None:
            return self._foreseen.known_seq
        return self._copy.seq if self._copy is not None else None

    def look_ahead(self) -> bool:
        """Have at hand, until `stop_foreseeing`, one state and what is foreseen of it; False where none is at hand.

        What any thread hears to be written meanwhile is at hand, too.
        """
        self.stop_foreseeing()
        self._looks_ahead = True
        copy = self._here()
        self._foreseen = copy.fork() if copy is not None else None
        return self._foreseen is not None

    def foresee(self, write: LedgerWrite) -> None:
        """Have at hand, too, what this step will leave: it has not been sent yet."""
        if self._foreseen is not None:
            self._foreseen.expect(write)

    def stop_foreseeing(self) -> None:
        """Have at hand again what the ledger has carried out."""
        self._foreseen, self._looks_ahead = None, False
        self._news.clear()

    def _follow_news(self, foreseen: ForeseenLedger) -> None:
        """Carry out what was written since on what is foreseen, each step once."""
        while self._news:
            seq, write = self._news.popleft()
            if seq > foreseen.known_seq:
                foreseen.expect(write)

    def refresh(self) -> None:
        """Read everything again when it is not at hand, once in `EVERY_S` at most: between two signals, not in one."""
        self._owner = threading.get_ident()
        if (self._copy is not None and self._caught_up(self._copy)) or self._clock.monotonic() < self._next:
            return
        self._next = self._clock.monotonic() + EVERY_S
        self._forget()
        self._unheard.clear()
        with contextlib.suppress(Unavailable):
            self._copy = LedgerCopy.of(self._ledger.whole(KINDS))

    def forget(self) -> None:
        """Have nothing at hand: the ledger went back, and its numbers come again."""
        self._heard.clear()
        self._forget()

    def _heard_of(self, write: LedgerWrite, answer: Answer) -> Result:
        with self._writing():
            result = self._noted(write, answer())
        self._unheard.discard(write.id)
        return result

    @contextlib.contextmanager
    def _writing(self) -> Generator[None]:
        """Know what is under way: a step whose answer was lost may stand in the ledger, and not in the copy."""
        thread = threading.get_ident()
        self._under_way[thread] = self._clock.monotonic()
        try:
            yield
        except BaseException:
            self._copy = None
            raise
        finally:
            self._under_way.pop(thread, None)

    def _hangs(self) -> bool:
        """Say whether another thread has waited for its step's answer for so long that it may stand unheard."""
        if not self._under_way:
            return False
        longest = self._clock.monotonic() - HANGS_S
        return any(since < longest for since in list(self._under_way.values()))

    def _noted(self, write: LedgerWrite, result: Result) -> Result:
        if isinstance(result, WrittenStep):
            self._heard.append((result.seq, write))
            if self._looks_ahead:
                self._news.append((result.seq, write))
        elif isinstance(result, StaleLedger):
            self._copy = None
        return result

    def _caught_up(self, copy: LedgerCopy) -> bool:
        """Carry out what was heard; say whether nothing is missing between the copy and the newest of it.

        While nobody has asked what became of a step of ours, it may be missing behind that.
        """
        while self._heard:
            seq, write = self._heard.popleft()
            if seq > copy.seq:
                self._ahead[seq] = write
        while write := self._ahead.pop(copy.seq + 1, None):
            if not copy.follow(write):
                self._log.error("copy_differs", write=write.id, seq=copy.seq, fix="none needed: it is read again")
                self._forget()
                return False
        return not self._ahead and not self._unheard

    def _forget(self) -> None:
        self._copy = None
        self._ahead.clear()
