"""The check at the venue of an order that a person wants to end: while it may stand there, nobody ends it."""

import threading
from collections.abc import Callable
from typing import Protocol

from redis import Redis

from buyer import config
from buyer.execution.unresolved_orders import ANSWERS_NEEDED, SHOWN_WITHIN_S
from shared.clock import Clock
from shared.domain.errors import BadConfig, DependencyMissing, HybridError


class ShownOrder(Protocol):
    """What the venue shows of an order, in words; `ended` when that is that it is over and never matched."""

    @property
    def words(self) -> str:
        """Say what it shows."""
        ...

    @property
    def ended(self) -> bool:
        """Say whether nothing more can come of it."""
        ...


class VenueLook(Protocol):
    """Asks the venue for one order."""

    def __call__(self, order_hash: str, token_id: str, since_ms: int, /) -> ShownOrder | None:
        """Return what it shows; None when it readably has neither the order nor a trade of it."""
        ...


def no_venue() -> VenueLook:
    """Refuse to ask.

    Raises:
        BadConfig: always.
    """
    raise BadConfig("the venue cannot be asked from here")


def from_settings(redis: Redis, clock: Clock, words: list[str]) -> VenueLook:
    """Return what asks the venue with the buyer's own settings.

    Raises:
        HybridError: they lack the key, or the venue does not take it.
    """
    settings = config.parse_args(words)
    try:
        from buyer.composition_live import order_lookup  # noqa: PLC0415 - needs the extra `live`
    except ImportError as error:
        raise DependencyMissing(f"it needs the extra `live` ({error}): pip install 'hybrid-signals[live]'") from error
    return order_lookup(settings, redis, clock=clock, stop=threading.Event())


class VenueWord:
    """The venue, asked as often and as long as it takes to be sure that it does not have an order."""

    def __init__(self, ask: Callable[[], VenueLook], clock: Clock) -> None:
        self._ask, self._clock = ask, clock

    def refuse_what_stands(self, name: str, order_hash: str, token_id: str, since_ms: int) -> None:
        """Come back when the order cannot stand: the venue says that it ended unmatched, or does not know it.

        Raises:
            BadConfig: it may stand; the message says why and what to do.
        """
        try:
            shown = self._shown(self._ask(), order_hash, token_id, since_ms)
        except HybridError as error:
            fix = "run it where the buyer's signing key is, when the venue answers"
            raise BadConfig(
                f"--close {name}: order {order_hash} may stand, and nobody can tell: {error}; {fix}"
            ) from error
        if shown is not None and not shown.ended:
            fix = "it is not closed; the live buyer settles it by its trades, so start that and let it run"
            raise BadConfig(f"--close {name}: the venue shows order {order_hash}: {shown.words}; {fix}")

    def _shown(self, look: VenueLook, order_hash: str, token_id: str, since_ms: int) -> ShownOrder | None:
        """Look until the venue shows it, or as often as it takes to know that it will not."""
        shown = look(order_hash, token_id, since_ms)
        for _ in range(ANSWERS_NEEDED):
            if shown is not None:
                break
            self._clock.wait(threading.Event(), SHOWN_WITHIN_S / ANSWERS_NEEDED)
            shown = look(order_hash, token_id, since_ms)
        return shown
