"""A ledger whose process dies at a write."""

from shared.domain.ledger_write import LedgerWrite, Result
from shared.ledger.memory_ledger import MemoryLedger


class Killed(BaseException):
    """What `kill -9` looks like from inside: nothing after this line happens."""


class MortalLedger(MemoryLedger):
    """A ledger whose process is killed right after (or, `lost`, instead of) the n-th write from now; 0 is never."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self.lost = False

    def commit(self, write: LedgerWrite) -> Result:
        self.left -= 1
        if self.left == 0 and self.lost:
            raise Killed
        done = super().commit(write)
        if self.left == 0:
            raise Killed
        return done
