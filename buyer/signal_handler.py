"""Handling of one signal or entry at a time: decided, deferred behind an order of its token, or buried."""

import queue
import threading
from collections.abc import Callable, Collection

from buyer.crash_limiter import Crashed, CrashLimiter
from buyer.execution.batches.ready_step import Judged, ReadyStep
from buyer.execution.buy_gate import NOT_FOLLOWED, BuyGate, BuyHeld
from buyer.execution.journal import Journal
from buyer.execution.order_executor import BuyExecutor
from buyer.execution.order_precedence import NotSettled
from buyer.strategy.sizing import is_completed
from buyer.token_backlog import TokenBacklog
from buyer.token_executor import leader_of, token_of
from shared import logs
from shared.domain.errors import GiveUp, HybridError, OutcomeUnknown
from shared.domain.ledger_write import Answer, StreamAck
from shared.messages.events import AnyEvent, read_event
from shared.messages.service import HybridProgress
from shared.messages.signals import ActionableSignal, FillConfirmed, FillRetracted
from shared.redis.consumer_group import GroupReader
from shared.redis.streams import StreamEntry

_RETRACTION = '{"event":"FILL_RETRACTED"'


def is_retraction(entry: StreamEntry) -> bool:
    """Say whether an entry takes a signal back."""
    return entry.json.startswith(_RETRACTION)


class SignalHandler:
    """Hands signals to the executor; several threads may, each for tokens of its own.

    No signal overtakes an earlier one that waits: on paper (`in_order`) one of its token, live one of its leader's lot.
    Only a buy that the gate holds back can be passed: the gate remembers it, and the sell that comes concludes it.
    A retraction passes everybody: what it takes back must not be bought because it waits.
    """

    def __init__(
        self,
        executor: BuyExecutor,
        journal: Journal,
        gate: BuyGate,
        attempts: CrashLimiter,
        reader: GroupReader,
        *,
        in_order: bool,
        warm: Callable[[HybridProgress], None],
        retract: Callable[[FillRetracted], None],
    ) -> None:
        self._executor, self._journal, self._gate = executor, journal, gate
        self._attempts, self._reader = attempts, reader
        self._in_order, self._warm, self._retract = in_order, warm, retract
        self._deferred: TokenBacklog[StreamEntry | ActionableSignal] = TokenBacklog()
        self._log = logs.get_logger("buyer")

    def __len__(self) -> int:
        """Count what is deferred."""
        return len(self._deferred)

    def handle_entry(self, entry: StreamEntry) -> None:
        """Handle one entry; what fails again and again goes to the dead stream with its terminal decision.

        One whose order may stand waits for that, and others go on.
        """
        if not self._waits_behind(entry):
            self._attend(entry, lambda: self._dispatch(entry, self._executor.process_actionable))

    def judge_entry(self, entry: StreamEntry, beside: Collection[str] = frozenset()) -> ReadyStep | None:
        """Judge one entry and return its first step; None where it has none, or waits, or has come to its end.

        A buy goes `beside` the orders of these signals.
        """
        if self._waits_behind(entry):
            return None
        steps: list[Judged] = []
        self._attend(
            entry,
            lambda: self._dispatch(
                entry, lambda signal, ack: steps.append(self._executor.judge(signal, ack, beside=beside))
            ),
            ends=False,
        )
        return _step_in(steps)

    def finish_entry(self, entry: StreamEntry, step: ReadyStep, answer: Answer) -> ReadyStep | None:
        """Go on behind an entry's step and return the next one.

        Raises:
            LedgerMoved: what it was judged on does not hold, and nothing was written.
        """
        steps: list[Judged] = []
        self._attend(entry, lambda: steps.append(step.then(answer())), ends=not step.at_turn)
        return _step_in(steps)

    def handle_submitted(self, signal: ActionableSignal) -> None:
        """Decide on a signal of the same process; the stream delivers it again, so what fails is left to that.

        What waits keeps its place here too: the next one of the same process would overtake it otherwise.
        """
        line = self._line_of(signal.leader, signal.token_id)
        if self._deferred.holds(line):
            self._deferred.put(line, signal.id, signal)
            return
        try:
            self._admit(signal)
            self._executor.process_actionable(signal)
        except NotSettled as error:
            self._deferred.put(line, signal.id, signal, passable=isinstance(error, BuyHeld))
        except (GiveUp, OutcomeUnknown) as error:
            self._log.warning("left_to_the_stream", signal_id=signal.id, error=str(error))
        except HybridError:
            raise
        except Exception:  # noqa: BLE001 - logged whole; the stream's delivery counts the attempts (pitfall 29)
            self._log.exception("left_to_the_stream", signal_id=signal.id)

    def handle_inbox(
        self,
        inbox: "queue.Queue[ActionableSignal]",
        wait_s: float,
        stop: threading.Event,
        between: Callable[[], None],
    ) -> None:
        """Decide on what waits, or comes within `wait_s`; the stream delivers each again: what cannot be is left to it.

        `between` is run before each.
        """
        while not stop.is_set():
            try:
                signal = inbox.get(timeout=wait_s)
            except queue.Empty:
                return
            wait_s = 0
            between()
            self.handle_submitted(signal)

    def retry_deferred(self) -> None:
        """Try again what waits for an order to end; not acknowledged, it also comes back after a crash."""
        self._deferred.retry(self._retry)

    def _retry(self, item: StreamEntry | ActionableSignal) -> None:
        if isinstance(item, StreamEntry):
            self.handle_entry(item)
        else:
            self.handle_submitted(item)

    def _waits_behind(self, entry: StreamEntry) -> bool:
        """Put an entry behind what waits in its line, if anything does; say whether it was."""
        if not len(self._deferred):
            return False
        line = self._line_of_entry(entry)
        waits = self._deferred.holds(line) and not is_retraction(entry)
        if waits:
            self._deferred.put(line, entry.id, entry)
        return waits

    def _attend(self, entry: StreamEntry, act: Callable[[], object], *, ends: bool = True) -> None:
        """Do something about an entry: what can never work is buried, what depends on an order is put off."""
        try:
            self._attempts.make(entry.id, act, lambda reason: self._bury(entry, reason), ends=ends)
        except Crashed:
            raise
        except (NotSettled, OutcomeUnknown) as error:
            self._defer(self._line_of_entry(entry), entry, error)

    def _line_of_entry(self, entry: StreamEntry) -> str:
        return self._line_of(leader_of(entry.json), token_of(entry.json))

    def _line_of(self, leader: str, token_id: str) -> str:
        """Return in which line a signal waits: a paper order on its way holds its whole token."""
        return token_id if self._in_order else f"{leader} {token_id}"

    def _defer(self, line: str, entry: StreamEntry, error: NotSettled | OutcomeUnknown) -> None:
        """Put an entry off; that its order may stand is said aloud, once: the start's recovery asks for it."""
        say = self._log.warning if isinstance(error, OutcomeUnknown) else self._log.debug
        say("deferred", entry=entry.id, error=str(error))
        self._deferred.put(line, entry.id, entry, passable=isinstance(error, BuyHeld) or is_retraction(entry))

    def _dispatch(self, entry: StreamEntry, decide: Callable[[ActionableSignal, StreamAck | None], object]) -> None:
        event = self._completed(read_event(entry.json))
        from_stream = entry.stream == self._reader.stream  # a line of a pipe has nobody to acknowledge it to
        if isinstance(event, ActionableSignal):
            if from_stream and self._skip_unfollowed(event):
                self._reader.ack_soon(entry.id)
                return
            self._admit(event)
            ack = StreamAck(entry.stream, self._reader.group, entry.id) if from_stream else None
            decide(event, ack)
            return
        if isinstance(event, HybridProgress):
            self._warm(event)
        elif isinstance(event, FillRetracted):
            self._retract(event)
        if from_stream:
            self._reader.ack_soon(entry.id)

    def _completed(self, told: AnyEvent) -> AnyEvent:
        """Return the signal in a confirmation that is decided on by itself: of a trade that waited for it."""
        if not isinstance(told, FillConfirmed) or told.signal is None:
            return told
        return told.signal if is_completed(told.signal, self._executor.limits_of(told.leader)) else told

    def _skip_unfollowed(self, signal: ActionableSignal) -> bool:
        """Conclude the buy of somebody whom nobody follows, whoever wrote it; one that has an order goes on."""
        refusal = self._gate.refusal(signal)
        if refusal is None:
            return False
        self._log.warning("leader_not_followed", signal_id=signal.id, leader=signal.leader)
        return self._executor.skip(signal, NOT_FOLLOWED, (refusal,)) is not None

    def _admit(self, signal: ActionableSignal) -> None:
        self._gate.admit_signal(
            signal,
            has_lot=lambda: self._journal.has_lot(signal.leader, signal.token_id),
            skip=self._executor.skip,
        )

    def _bury(self, entry: StreamEntry, reason: str) -> None:
        self._log.error("buried", entry=entry.id, reason=reason)
        self._executor.bury(entry, reason, self._reader.group)


def _step_in(judged: list[Judged]) -> ReadyStep | None:
    return next((one for one in judged if isinstance(one, ReadyStep)), None)
