"""What stands in for the market channel: frames as the venue sends them, and lines that play a script."""

import json
from collections.abc import Callable
from typing import Any

from shared.clock import ManualClock
from shared.errors import Unavailable
from tests.buyer.builders import CONDITION, NOW_MS, TOKEN

Pairs = tuple[tuple[str, str], ...]


def raw_levels(pairs: Pairs) -> list[dict[str, str]]:
    """Build levels as the venue writes them."""
    return [{"price": price, "size": size} for price, size in pairs]


def raw_book(
    bids: Pairs = (("0.48", "100"), ("0.49", "100")), asks: Pairs = (("0.52", "30"), ("0.51", "20")), **changes: Any
) -> dict[str, Any]:
    """Build a book around 0.50, as pushed and as answered."""
    return {
        "event_type": "book",
        "market": CONDITION,
        "asset_id": TOKEN,
        "timestamp": str(NOW_MS),
        "hash": "",
        "bids": raw_levels(bids),
        "asks": raw_levels(asks),
        "tick_size": "0.01",
        **changes,
    }


def raw_change(price: str, size: str, side: str = "BUY", **changes: Any) -> dict[str, Any]:
    """Build one level's new total."""
    return {"asset_id": TOKEN, "price": price, "size": size, "side": side, **changes}


def raw_changes(*changes: dict[str, Any], at_ms: int = NOW_MS) -> dict[str, Any]:
    """Build a message of changes."""
    stamp = str(at_ms)
    return {"event_type": "price_change", "market": CONDITION, "timestamp": stamp, "price_changes": list(changes)}


def raw_tick(new: str, at_ms: int = NOW_MS) -> dict[str, Any]:
    """Build a change of the tick."""
    ticks = {"old_tick_size": "0.01", "new_tick_size": new}
    return {"event_type": "tick_size_change", "asset_id": TOKEN, "timestamp": str(at_ms), **ticks}


def a_frame(*messages: Any) -> str:
    """Build a frame of several messages."""
    return json.dumps(list(messages))


class FakeLine:
    """A connection that plays a script: a frame, None for a silent while, an error, or a thing to do."""

    def __init__(self, clock: ManualClock, *script: str | Exception | Callable[[], None] | None) -> None:
        self.sent: list[str] = []
        self.closed = False
        self._clock, self._script = clock, list(script)

    def send(self, text: str) -> None:
        self.sent.append(text)

    def receive(self, timeout_s: float) -> str | None:
        step = self._script.pop(0) if self._script else Unavailable("the script is over")
        if isinstance(step, Exception):
            raise step
        if step is None:
            self._clock.advance(timeout_s)
        elif callable(step):
            step()
        return step if isinstance(step, str) else None

    def close(self) -> None:
        self.closed = True
