"""Buys wait while it is not known that they may be sent; exits of what is held go on meanwhile.

It is asked when a signal comes in, so that it waits without cost, and again right before the intent of every buy.
"""

from collections.abc import Callable
from typing import Protocol

from buyer.execution.order_precedence import NotSettled
from shared.clock import Clock
from shared.messages.decisions import RuleResult
from shared.messages.signals import ActionableSignal

OVERTAKEN = "its leader sold while it waited"
RETRACTED = "its trade is in no block any more"
NOT_FOLLOWED = "leader_followed"
UNJUDGED = frozenset({OVERTAKEN, RETRACTED, NOT_FOLLOWED})
"""Reasons of signals that were concluded before any rule was asked."""


class TradingPermission(Protocol):
    """Says whether our account may trade at the venue."""

    def waits_for(self) -> str:
        """Return what has to be answered before anything is bought; '' once buying is allowed.

        Raises:
            RefusedForSafety: it is not.
        """
        ...


class KnownLeaders(Protocol):
    """Knows who is followed."""

    def refresh(self) -> None:
        """Ask who that is, if the last time is a while ago; off the way of an order."""
        ...

    def refusal(self, signal: ActionableSignal) -> RuleResult | None:
        """Return the rule by which a signal is skipped, None where it may be followed.

        Raises:
            Unavailable: nobody can tell now.
        """
        ...


class BuysWait(NotSettled):
    """A buy that may be sent later: decide it again then."""


class BuyHeld(BuysWait):
    """A buy that the gate remembers: a sell of its leader may pass it, and concludes it."""


class BuyGate:
    """One shard's gate; `max_age_s` is after which age a leader's signal counts for nothing any more."""

    def __init__(
        self,
        clock: Clock,
        max_age_s: Callable[[str], float],
        permission: TradingPermission | None = None,
        leaders: KnownLeaders | None = None,
    ) -> None:
        self._clock, self._max_age_s, self._permission, self._leaders = clock, max_age_s, permission, leaders
        self.recovery = ""
        self.forgotten = self.sells_wait = False
        self._waiting: dict[tuple[str, str], dict[str, ActionableSignal]] = {}

    def refresh(self) -> None:
        """Learn who is followed now. Raises Unavailable."""
        if self._leaders is not None:
            self._leaders.refresh()

    def refusal(self, signal: ActionableSignal) -> RuleResult | None:
        """Return the rule by which a signal of the stream is skipped: nobody follows its leader. Raises Unavailable."""
        return self._leaders.refusal(signal) if self._leaders is not None else None

    def waits_for(self) -> str:
        """Return what buys wait for, '' when they do not.

        Raises:
            RefusedForSafety: nothing may be bought at all.
        """
        return (self._permission.waits_for() if self._permission else "") or self.recovery

    def admit(self) -> None:
        """Let a buy through.

        Raises:
            BuysWait: not yet. RefusedForSafety: never.
        """
        reason = self.waits_for()
        if reason:
            raise BuysWait(f"buys wait for {reason}")

    def admit_signal(
        self, signal: ActionableSignal, *, has_lot: Callable[[], bool], skip: Callable[[ActionableSignal, str], object]
    ) -> None:
        """Let a signal be decided: any that is too old to be followed, and the sell of what we hold (`has_lot`).

        A sell whose lot only the chain knows waits until that is adopted, any sell while it may have been made. `skip`
        concludes each buy whose leader sold while it waited, for good and before that sell is acknowledged: it would be
        followed later and never exited.

        Raises:
            BuyHeld, BuysWait: not yet. RefusedForSafety: never.
            What `skip` raises: hand the same sell in again.
        """
        if self._is_stale(signal):
            if self.forgotten:  # to skip it would say that it has no order
                raise BuysWait(f"signal {signal.id} waits for {self.recovery}")
            self._forget(signal)
        elif signal.side == "SELL":
            self._admit_sell(signal, has_lot, skip)
        else:
            self._admit_buy(signal)

    def _admit_sell(
        self, signal: ActionableSignal, has_lot: Callable[[], bool], skip: Callable[[ActionableSignal, str], object]
    ) -> None:
        if self.recovery and (self.sells_wait or not has_lot()):
            raise BuysWait(f"signal {signal.id} waits for {self.recovery}")
        for buy in list(self._waiting.get(_lot(signal), {}).values()):
            skip(buy, OVERTAKEN)
            self._forget(buy)

    def _admit_buy(self, signal: ActionableSignal) -> None:
        reason = self.waits_for()
        if not reason:
            self._forget(signal)
            return
        self._waiting.setdefault(_lot(signal), {})[signal.id] = signal
        raise BuyHeld(f"signal {signal.id} waits for {reason}")

    def _forget(self, signal: ActionableSignal) -> None:
        waiting = self._waiting.get(_lot(signal), {})
        waiting.pop(signal.id, None)
        if not waiting:
            self._waiting.pop(_lot(signal), None)

    def _is_stale(self, signal: ActionableSignal) -> bool:
        return self._clock.now_ms() - signal.traded_at_ms > self._max_age_s(signal.leader) * 1000


def _lot(signal: ActionableSignal) -> tuple[str, str]:
    return signal.leader, signal.token_id
