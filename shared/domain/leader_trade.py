"""A leader's trade as runs over millions of them look at it; its signal is made when somebody asks for that. Pure."""

from collections.abc import Callable
from functools import partial
from typing import Any, Self

from msgspec import Struct

from shared.domain.market import Side
from shared.domain.money import Price, Shares, Usdc
from shared.messages.signals import ActionableSignal, Cause, MarketHint


class LeaderTrade(Struct, frozen=True, eq=False, gc=False):
    """What of a signal decides nearly always, and all else of it as soon as somebody looks: `signal` makes it then.

    Amounts are in micro-units, times in epoch milliseconds. `plain` says that it was told in one part.
    """

    id: str
    leader: str
    token_id: str
    market: MarketHint
    side: Side
    cause: Cause
    plain: bool
    price: Price
    shares: Shares
    usdc: Usdc
    traded_at_ms: int
    seen_at_ms: int
    signal: Callable[[], ActionableSignal]

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the signal's own
        """Return what only the signal has."""
        return getattr(self.signal(), name)

    @property
    def part(self) -> int:
        """Return which part of the trade was told."""
        return 0 if self.plain else self.signal().part

    @classmethod
    def of(cls, signal: ActionableSignal) -> Self:
        """Return the trade that a signal tells."""
        return cls(
            signal.id,
            signal.leader,
            signal.token_id,
            signal.market,
            signal.side,
            signal.cause,
            signal.part == 0 and signal.cause == "TRADE",
            signal.price,
            signal.shares,
            signal.usdc,
            signal.traded_at_ms,
            signal.seen_at_ms,
            partial(_known, signal),
        )


def _known(signal: ActionableSignal) -> ActionableSignal:
    return signal
