"""What a server that went back in time has lost of one shard's ledger and streams: accepted, and said.

The ledger's marks keep every step from being written until the loss is accepted here; that is done in the thread that
decides, once it has stopped buying.
"""

from collections.abc import Callable

from shared import logs, metrics
from shared.clock import Clock
from shared.domain.ledger_write import FencingToken, LedgerWrite
from shared.domain.trading_controls import turn_control
from shared.ledger.ledger_marks import LedgerLoss, LedgerMarks
from shared.ledger.local_copy import MirroredLedger
from shared.ledger.port import Ledger
from shared.messages.base import SERVICE, fact_id
from shared.messages.service import ServerWentBack
from shared.redis.server_memory import ServerMemory


class ServerLosses:
    """One shard's view; `doubt` has wallet and ledger compared."""

    def __init__(
        self,
        ledger: Ledger,
        fence: Callable[[], FencingToken | None],
        marks: LedgerMarks,
        *,
        clock: Clock,
        mirror: MirroredLedger | None = None,
        memory: ServerMemory | None = None,
        doubt: Callable[[str], None] = lambda _why: None,
    ) -> None:
        self._ledger, self._fence, self._marks = ledger, fence, marks
        self._clock, self._mirror = clock, mirror
        self._memory, self._doubt = memory or ServerMemory(), doubt
        self._log = logs.get_logger("buyer")

    @property
    def of_ledger(self) -> LedgerLoss | None:
        """Return what the ledger lost and nobody accepted yet."""
        return self._marks.loss

    @property
    def doubt_since_ms(self) -> int:
        """Return when a loss was accepted, perhaps in an earlier life, of which not everything is found; 0 for none."""
        return self._marks.place.doubt_since_ms

    def end_doubt(self) -> None:
        """Note that what the server forgot is found."""
        self._marks.end_doubt()

    def accept(self, loss: LedgerLoss, buys: str) -> None:
        """Go on with the ledger as it stands; what an operator had turned on is turned on again. `buys` is for the log.

        Raises:
            Unavailable: the server is away; call again.
        """
        stands = self._ledger.read(loss.controls)
        self._marks.accept(stands.seq, self._clock.now_ms())
        if self._mirror:
            self._mirror.forget()
        self._log.error("server_went_back", lost_steps=loss.steps, seen=loss.seen, found=loss.found, buys=buys)
        self._tell("ledger", str(loss.seen), str(loss.found), steps=loss.steps)
        for control in (name for name in loss.controls if not stands.values[name]):
            self._turn_on(control)
        self._doubt("the server went back")

    def accept_emptied(self) -> None:
        """Begin anew with a server that has nothing left."""
        self._marks.accept(0, self._clock.now_ms())
        if self._mirror:
            self._mirror.forget()

    def note_entry(self, stream: str, entry_id: str) -> None:
        """Note an entry that was read."""
        self._memory.note(stream, entry_id)

    def tell_streams(self) -> None:
        """Tell which streams lost entries that we had read; who wrote them tells them again."""
        for loss in self._memory.take_losses():
            self._log.error("stream_went_back", stream=loss.stream, seen=loss.seen, found=loss.found)
            self._tell(loss.stream, loss.seen, loss.found, lost_ms=loss.lost_ms)

    def _tell(self, what: str, seen: str, found: str, *, steps: int = 0, lost_ms: int = 0) -> None:
        sentence = "Times that the server went back, by what was lost."
        metrics.make_counter("server_losses_total", sentence, "what").labels(what).inc()
        now_ms = self._clock.now_ms()
        event = ServerWentBack(
            id=fact_id("went-back", "buyer", what, seen, found, now_ms),
            emitted_at_ms=now_ms,
            service="buyer",
            what=what,
            seen=seen,
            found=found,
            steps=steps,
            lost_ms=lost_ms,
        )
        self._ledger.commit(LedgerWrite(id=f"went-back:{event.id}", events=((SERVICE, event),), fence=self._fence()))

    def _turn_on(self, control: str) -> None:
        now_ms, why = self._clock.now_ms(), "it was on before the server went back"
        write_id, fence = f"went-back:{control}:{now_ms}", self._fence()
        self._ledger.commit(
            turn_control(write_id, on=True, who="buyer", why=why, now_ms=now_ms, fence=fence, control=control)
        )
