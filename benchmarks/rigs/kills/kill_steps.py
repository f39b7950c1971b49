"""A live buyer that kills itself at one step of an order's life: with -9, from inside, right there."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from typing import Any

from buyer import composition
from buyer.config import parse_args
from buyer.execution.journal import Journal
from buyer.recovery import startup
from buyer.settlement.writer import SettlementWriter
from buyer.venue.polymarket.client import PolymarketVenue
from shared.http.client import Upstream
from shared.ledger.redis_ledger import RedisLedger

STEPS: Mapping[str, tuple[Any, str, str]] = {
    "before it is signed": (PolymarketVenue, "prepare", "before"),
    "signed, no intent": (PolymarketVenue, "prepare", "after"),
    "intent sent, no answer": (RedisLedger, "commit_at", "during"),
    "intent written": (RedisLedger, "commit_at", "after"),
    "intents sent together, no answer": (RedisLedger, "commit_each", "during"),
    "intents sent together": (RedisLedger, "commit_each", "after"),
    "intents written together": (RedisLedger, "heard_step", "after"),
    "order on its way": (Upstream, "send", "during"),
    "while it recovers": (PolymarketVenue, "find", "before"),
    "taken, answer lost": (Upstream, "send", "after"),
    "found again, not written": (PolymarketVenue, "find", "after"),
    "answered, not written": (PolymarketVenue, "place", "after"),
    "decision sent, no answer": (Journal, "write", "during"),
    "decision written": (Journal, "write", "after"),
    "before it settles": (SettlementWriter, "settle_all", "before"),
    "settling": (SettlementWriter, "settle_all", "during"),
    "settled": (SettlementWriter, "settle_all", "after"),
}
"""Each step: whose method, and whether to die before, during (up to 1.5 ms after it began) or after it.

A call that fails does not count: the buyer comes to it again.

The steps of a recovery follow those that leave something to recover.
"""
_COUNTS: Mapping[str, Callable[[tuple[Any, ...], Mapping[str, Any]], bool]] = {
    "send": lambda args, _: args[1].path == "/order",
    "commit_each": lambda args, _: any(args[2]),
    "heard_step": lambda args, _: args[1].id.startswith("intent:"),
    "write": lambda _, more: not more["at_turn"],
}
"""Which calls of a method are the step."""
ANY_TIME = "at any moment"
SHOWN_SOON_S = 3.0
"""How long the local venue takes to show an order, at most."""


def needs_several(step: str) -> bool:
    """Say whether a buyer comes to this step only with several signals at once, and then once."""
    return step in STEPS and STEPS[step][1] in {"commit_each", "heard_step"}


def recovers(step: str) -> bool:
    """Say whether a buyer comes to this step only when it finishes what another one left."""
    return step in STEPS and STEPS[step][1] == "find"


def run(environment: Mapping[str, str], step: str, nth: int, moment_s: float) -> None:
    """Run a live buyer until it dies at the `nth` time it comes to `step`; without a step until SIGTERM."""
    os.environ.update(environment)
    startup.LOSS_WAIT_S = SHOWN_SOON_S
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    if step == ANY_TIME:
        _later(moment_s)
    elif step:
        _arm(step, nth, moment_s)
    built = composition.build_buyer(parse_args([]), stop=stop, emit=lambda _: None)
    built.service.run(stop)


def _arm(step: str, nth: int, moment_s: float) -> None:
    owner, method, when = STEPS[step]
    call: Callable[..., Any] = getattr(owner, method)
    left = [nth]

    def armed(*args: Any, **more: Any) -> Any:  # noqa: ANN401 - any call
        if method in _COUNTS and not _COUNTS[method](args, more):
            return call(*args, **more)
        left[0] -= 1
        its_turn = left[0] == 0
        if its_turn and when == "before":
            _die()
        if its_turn and when == "during":
            _later(moment_s / 1000)
        try:
            answer = call(*args, **more)
        except Exception:
            left[0] += 1
            raise
        if its_turn and when == "after":
            _die()
        return answer

    setattr(owner, method, armed)


def _later(seconds: float) -> None:
    timer = threading.Timer(seconds, _die)
    timer.daemon = True
    timer.start()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
