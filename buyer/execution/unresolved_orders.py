"""Orders without an outcome: their tokens wait, and each is asked for again, ever more seldom, until it has one.

In memory only: a start finds them in the journal and begins to count anew, which is the cautious side.
"""

from collections.abc import Collection

from msgspec import Struct

from shared.clock import Clock
from shared.domain.backoff import Backoff
from shared.domain.errors import OutcomeUnknown
from shared.messages.decisions import Outcome

BACKOFF = Backoff(first_s=1.0, longest_s=60.0)
ANSWERED_WAIT_S = 5.0
"""A venue that answers readably is asked again after this: what it does not show is soon sent again or given up."""
SHARE = 10
"""Asking takes at most this part of the time: a venue that hangs holds nobody else up for long."""
ANSWERS_NEEDED = 3
"""An order is not there only when the venue says so this often."""
SHOWN_WITHIN_S = 30.0
"""An order that was posted is among the venue's orders or trades by then; what it does not show later was not taken."""


class OrderAbsence(Struct):
    """How often the venue said, readably, that it has neither an order nor a trade of it, since it was last sent."""

    since_s: float
    answers: int = 0

    def is_certain(self, now_s: float, within_s: float = SHOWN_WITHIN_S, answers: int = ANSWERS_NEEDED) -> bool:
        """Say whether that was often and long enough."""
        return self.answers >= answers and now_s - self.since_s >= within_s

    def again(self, now_s: float) -> None:
        """Begin anew: the order was sent again and may come to be shown from now on."""
        self.since_s, self.answers = now_s, 0


class UnresolvedOrder(Struct):
    """One order that may stand; `refused` is what the venue said when the same bytes came again."""

    leader: str
    token_id: str
    absence: OrderAbsence
    next_s: float
    failures: int = 0
    answered: bool = False
    refused: Outcome | None = None
    is_put_off: bool = False
    """Whether an attempt ended without an outcome."""

    def put_off(self, began_s: float, now_s: float) -> None:
        """Ask again later: ever later while the venue cannot be read, and never for long parts of the time."""
        self.is_put_off = True
        wait_s = ANSWERED_WAIT_S if self.answered else BACKOFF.wait_s(self.failures)
        self.failures = 0 if self.answered else self.failures + 1
        self.next_s = now_s + max(wait_s, (SHARE - 1) * (now_s - began_s))


class UnresolvedOrders:
    """Every order from its intent to its outcome, by its signal. One thread works on a token at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._orders: dict[str, UnresolvedOrder] = {}

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._orders)

    def pursue(self, signal_id: str, leader: str, token_id: str, *, kept: bool = False) -> "Pursuit":
        """Hold the token while a block runs, or until it is told to `forget` an outcome that is `kept` until then.

        Without an outcome it is held until the next attempt, which comes ever later.
        What failed for another reason is due at once: whoever caught that says when to go on.
        """
        began = self._clock.monotonic()
        order = self._orders.get(signal_id)
        if order is None:
            order = self._orders[signal_id] = UnresolvedOrder(leader, token_id, OrderAbsence(began), began)
        order.answered = False
        return Pursuit(self, self._clock, signal_id, order, began, kept=kept)

    def is_due(self, signal_id: str) -> bool:
        """Say whether it is time to ask for this one; for one that nobody asked for yet it is."""
        order = self._orders.get(signal_id)
        return order is None or self._clock.monotonic() >= order.next_s

    def due(self) -> list[str]:
        """Return the signals of those that are to be asked for now."""
        return [signal_id for signal_id in list(self._orders) if self.is_due(signal_id)]

    def blocker_of(self, token_id: str, signal_id: str = "", beside: Collection[str] = frozenset()) -> str:
        """Return the signal whose order a token waits for, '' for none; one that is due does not wait for itself.

        Nor for those that it may go `beside`, while their first answer has not come.
        """
        for name, order in list(self._orders.items()) if self._orders else ():
            if order.token_id != token_id or (name == signal_id and self.is_due(name)):
                continue
            if name not in beside or order.is_put_off:
                return name
        return ""

    def blocker_of_lot(self, leader: str, token_id: str, signal_id: str = "") -> str:
        """Return the signal whose order can change a leader's lot, as `blocker_of` does.

        Another leader's cannot, though the wallet's shares are one balance: a buy only adds to it, and a sell takes at
        most what that leader's own lot holds, so all of this lot is still there to be sold.
        """
        for name, order in list(self._orders.items()) if self._orders else ():
            if (order.leader, order.token_id) == (leader, token_id) and not (name == signal_id and self.is_due(name)):
                return name
        return ""

    def next_in_s(self, signal_id: str) -> float:
        """Return in how many seconds an order is asked for again."""
        order = self._orders.get(signal_id)
        return max(0.0, order.next_s - self._clock.monotonic()) if order else 0.0

    def forget(self, signal_id: str) -> None:
        """Let its token go: somebody else concluded it."""
        self._orders.pop(signal_id, None)


class Pursuit:
    """One attempt to bring an order to its outcome; one that is `kept` holds its token until it is forgotten."""

    __slots__ = ("_began", "_clock", "_kept", "_order", "_orders", "_signal_id")

    def __init__(
        self,
        orders: UnresolvedOrders,
        clock: Clock,
        signal_id: str,
        order: UnresolvedOrder,
        began: float,
        *,
        kept: bool,
    ) -> None:
        self._orders, self._clock, self._signal_id = orders, clock, signal_id
        self._order, self._began, self._kept = order, began, kept

    def __enter__(self) -> UnresolvedOrder:
        return self._order

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None and not self._kept:
            self._orders.forget(self._signal_id)
        elif isinstance(error, OutcomeUnknown):
            self._order.put_off(self._began, self._clock.monotonic())
