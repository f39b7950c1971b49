"""Go on with a server that lost what it was given: all of it, its last steps, or entries nobody had read yet."""

from buyer.execution.buy_gate import BuyGate
from buyer.execution.journal import Journal
from buyer.execution.order_transit import OrderTransit
from buyer.recovery.server_losses import ServerLosses
from buyer.recovery.startup import StartupRecovery
from buyer.sharding.shard_count import EMPTIED, ShardCount
from shared import logs
from shared.clock import Clock
from shared.domain.errors import Fenced
from shared.ledger.ledger_marks import LedgerLoss
from shared.redis.consumer_group import GroupReader
from shared.redis.lease import Lease
from shared.redis.streams import StreamEntry


class LossRecovery:
    """What one shard's buyer does about losses, in the thread that decides."""

    def __init__(
        self,
        journal: Journal,
        recovery: StartupRecovery,
        gate: BuyGate,
        *,
        lease: Lease,
        reader: GroupReader,
        transit: OrderTransit,
        clock: Clock,
        layout: ShardCount | None,
        losses: ServerLosses | None,
    ) -> None:
        self._journal, self._recovery, self._gate = journal, recovery, gate
        self._lease, self._reader, self._transit, self._clock = lease, reader, transit, clock
        self._layout, self._losses = layout, losses
        self.emptied, self.trimmed = False, 0
        self._log = logs.get_logger("buyer")
        if losses is not None and losses.doubt_since_ms:
            recovery.went_back()

    def note_entries(self, entries: list[StreamEntry]) -> None:
        """Note how far a stream was read."""
        if entries and self._losses is not None:
            self._losses.note_entry(entries[-1].stream, entries[-1].id)

    def notice(self) -> None:
        """See what reading showed of losses, and say it."""
        if self._losses is not None:
            self._losses.tell_streams()
        self.emptied = self.emptied or self._reader.emptied
        if self._reader.trimmed > self.trimmed:
            self._log.error("signals_lost", trimmed=self._reader.trimmed - self.trimmed, fix="trim by group only")
        self.trimmed = self._reader.trimmed

    def recover(self) -> None:
        """Take the lease again where the server lost something, and buy nothing until it is known what.

        Raises:
            Fenced: another buyer became active meanwhile.
        """
        if self.emptied:
            self._recover_emptied()
        elif self._losses is not None and self._losses.of_ledger is not None:
            self._recover_ledger(self._losses, self._losses.of_ledger)

    def end_doubt(self) -> None:
        """Doubt the ledger no more once nothing is waited for, and tell the gate what signals wait for."""
        if self._losses is not None and self._losses.doubt_since_ms and not self._recovery.waits_for:
            self._losses.end_doubt()
        self._tell_gate()

    def _recover_emptied(self) -> None:
        """Buy nothing until somebody looked why the server lost everything."""
        if self._layout is not None:
            self._layout.restore()
        other = self._lease.try_acquire()
        if other:
            raise Fenced(f"the server was emptied and {other} became active")
        if self._losses is not None:
            self._losses.accept_emptied()
        self._journal.halt(EMPTIED, self._clock.now_ms())
        self._log.error("server_emptied", fix="check the server's persistence, then `hybrid resume --why ...`")
        self.emptied = self._reader.emptied = False
        self._recovery.emptied()

    def _recover_ledger(self, losses: ServerLosses, loss: LedgerLoss) -> None:
        """Buy nothing until it is known what a server that went back forgot."""
        other = self._lease.try_acquire()
        if other:
            raise Fenced(f"the server went back and {other} became active")
        self._transit.drop()
        self._recovery.went_back()
        self._tell_gate()
        waits_for = self._recovery.waits_for
        losses.accept(loss, f"wait for {waits_for}" if waits_for else "go on")

    def _tell_gate(self) -> None:
        recovery = self._recovery
        self._gate.recovery, self._gate.forgotten = recovery.waits_for, recovery.seeks_forgotten
        self._gate.sells_wait = recovery.holds_sells
