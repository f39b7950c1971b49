"""Paper orders between leaving and meeting the book: many at once, each for the configured latency."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from buyer.execution.batches.ready_step import Judged, ReadyStep
from shared import logs
from shared.clock import Clock
from shared.domain.errors import GiveUp, HybridError, OutcomeUnknown, Unavailable
from shared.messages.decisions import Order
from shared.messages.signals import ActionableSignal

T = TypeVar("T")
MOST_UNDER_WAY = 256
"""Orders under way at once; with more, signals wait: a crash leaves every one of them to the next start."""
STOPPING = "paper: stopping while the order was on its way, placed again at the next start"

Arrive = Callable[[], Judged]
"""Lets an order meet its book; returns the step that concludes it."""
CarryOut = Callable[[Sequence[ReadyStep]], object]
"""Writes steps, and does what follows them."""


@dataclass(frozen=True, slots=True)
class SentOrder:
    """An order on its way, and when it arrives."""

    order: Order
    due_at: float
    arrive: Arrive


class OrderTransit:
    """Orders that left: all travel equally long, so they arrive in the order in which they left.

    One thread decides, sends and lets arrive, so a session has one order of steps and can be replayed. Nothing in here
    is durable: each order's intent stands in the ledger, and whoever drops an order finishes it from there.
    """

    def __init__(self, *, clock: Clock, latency_s: float = 0.0, stop: threading.Event | None = None) -> None:
        self._clock, self._latency_s = clock, latency_s
        self._stop = stop or threading.Event()
        self._sent: deque[SentOrder] = deque()
        self._log = logs.get_logger("buyer")

    def __len__(self) -> int:
        """Count the orders under way."""
        return len(self._sent)

    @property
    def full(self) -> bool:
        """Say whether no more should leave before one arrives."""
        return len(self._sent) >= MOST_UNDER_WAY

    def send(self, order: Order, arrive: Arrive) -> None:
        """Let an order leave now."""
        self._sent.append(SentOrder(order, self._clock.monotonic() + self._latency_s, arrive))

    def blocker(self, signal: ActionableSignal, *, leaving: bool) -> str:
        """Return an order that must arrive before `signal` is decided, '' for none.

        Buys of a token may follow each other: each reserves its own budget. What sells must see what is there, and so
        must a buy of a lot that is being sold (`leaving`). A signal whose own order is on its way waits for that.
        """
        alone = leaving or signal.side == "SELL"
        for order in self._of(signal.token_id):
            if alone or order.side == "SELL" or order.signal_id == signal.id:
                return order.id
        return ""

    def order_of(self, token_id: str) -> str:
        """Return an order of this token, '' for none."""
        return next((order.id for order in self._of(token_id)), "")

    def rest_s(self, longest: float) -> float:
        """Return how long until the next order arrives, `longest` at most."""
        return max(0.0, min(longest, self._sent[0].due_at - self._clock.monotonic())) if self._sent else longest

    @property
    def due(self) -> bool:
        """Say whether an order has travelled long enough."""
        return bool(self._sent) and self._sent[0].due_at <= self._clock.monotonic()

    def land(self, carry_out: CarryOut) -> bool:
        """Let the orders arrive that have travelled long enough, and conclude them together; say if there were any.

        Raises:
            OutcomeUnknown: one could not be concluded; it is finished from its intent, which counts the attempts.
            HybridError: as the ledger raises it.
        """
        if not self.due:
            return False
        steps: list[ReadyStep] = []
        try:
            while self.due:
                sent = self._sent.popleft()
                step = self._guarded(sent.order.id, sent.arrive)
                steps += [step] if isinstance(step, ReadyStep) else []
        finally:
            self._guarded(" ".join(one.write.id for one in steps), lambda: carry_out(steps))
        return True

    def pop_order(self, signal_id: str) -> SentOrder | None:
        """Take out the order of one signal, whenever it left."""
        found = next((sent for sent in self._sent if sent.order.signal_id == signal_id), None)
        if found is not None:
            self._sent.remove(found)
        return found

    def drop(self) -> None:
        """Forget what is under way: it will be finished from its intents."""
        self._sent.clear()

    def wait_out(self, sent_at_ms: int) -> None:
        """Wait until an order that left then has arrived: those that a crash left travel side by side as well.

        Raises:
            Unavailable: told to stop meanwhile.
        """
        left_s = min(self._latency_s, sent_at_ms / 1000 + self._latency_s - self._clock.now_ms() / 1000)
        if left_s > 0 and self._clock.wait(self._stop, left_s):
            raise Unavailable(STOPPING)

    def _guarded(self, name: str, act: Callable[[], T]) -> T:
        try:
            return act()
        except GiveUp as error:
            raise OutcomeUnknown(f"{name} could not be concluded: {error}") from error
        except HybridError:
            raise
        except Exception as error:
            self._log.exception("arrival_failed", order=name)
            raise OutcomeUnknown(f"{name} failed when it arrived: {error}") from error

    def _of(self, token_id: str) -> list[Order]:
        return [sent.order for sent in self._sent if sent.order.token_id == token_id]
