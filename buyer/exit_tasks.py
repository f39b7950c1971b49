"""The exits in the ledger: what is to be sold, kept until it is; each write fenced by the lease."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from msgspec.structs import replace

from buyer.exits import attempt
from shared.accounts import FLATTEN, Lot, cost_account, lot_key, shares_account
from shared.events import ExitTask, Gathered
from shared.ledger import Ledger, open_lots
from shared.ledger_records import EXITS, GATHERED
from shared.writes import Fence, Record, Write


@dataclass(frozen=True)
class Held:
    """Every lot with shares, every exit under way by lot, all balances, and whether all is to be sold."""

    lots: tuple[Lot, ...]
    tasks: Mapping[str, ExitTask]
    values: Mapping[str, int]

    @property
    def flattening(self) -> bool:
        """Say whether every lot is to be sold."""
        return bool(self.values.get(FLATTEN))

    def empty(self, task: ExitTask) -> bool:
        """Say whether nothing is held of an exit's lot, and no order of it is under way."""
        names = (shares_account(task.leader, task.token_id), cost_account(task.leader, task.token_id))
        return not any(self.values.get(name) for name in names)


class ExitTasks:
    """Begins, counts and ends exits."""

    def __init__(self, ledger: Ledger, fence: Callable[[], Fence | None]) -> None:
        self._ledger, self._fence = ledger, fence

    def held(self) -> Held:
        """Return what is held and what is being sold."""
        tasks = {key: ExitTask.model_validate_json(text) for key, text in self._ledger.records(EXITS).items()}
        return Held(tuple(open_lots(self._ledger)), tasks, self._ledger.accounts().values)

    def open(self, task: ExitTask) -> None:
        """Begin an exit."""
        self._write(f"exit:{task.id}", task)

    def count(self, task: ExitTask, now_ms: int, last: str) -> ExitTask:
        """Count the next attempt, before it is made; `last` says what became of the one before."""
        again = attempt(task, now_ms, last)
        self._write(f"exit-try:{task.id}:{again.attempt}", again)
        return again

    def end(self, task: ExitTask) -> None:
        """Forget an exit: nothing is left to sell."""
        key = lot_key(task.leader, task.token_id)
        self._commit(Write(id=f"exit-end:{task.id}:{task.attempt}", records=(Record(EXITS, key, None),)))

    def sweep(self, before_ms: int) -> None:
        """Forget what was gathered before `before_ms`: its window is over, and nobody asks for it any more."""
        for key, text in self._ledger.records(GATHERED).items():
            if Gathered.model_validate_json(text, extra="ignore").since_ms < before_ms:
                self._commit(Write(id=f"sweep:{key}:{before_ms}", records=(Record(GATHERED, key, None),)))

    def _write(self, write_id: str, task: ExitTask) -> None:
        key = lot_key(task.leader, task.token_id)
        self._commit(Write(id=write_id, records=(Record(EXITS, key, task.model_dump_json()),)))

    def _commit(self, write: Write) -> None:
        self._ledger.commit(replace(write, fence=self._fence()))
