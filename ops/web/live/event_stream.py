"""The stream of a page: its regions as they change, and a pulse by which it knows that it is fresh."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence

from ops.web.live.board_feed import BoardFeed, BoardLook
from shared.clock import Clock

RETRY_MS = 1000
"""When a browser comes back after the stream broke."""
PULSE_S = 2.0
_LOOK_S = 0.1


async def stream_regions(
    feed: BoardFeed, names: Sequence[str], clock: Clock, allowed: Callable[[], bool]
) -> AsyncIterator[str]:
    """Yield server-sent events for as long as somebody listens and is `allowed` to."""
    feed.join_viewer()
    sent: dict[str, str] = {}
    number, next_pulse = -1, 0.0
    try:
        yield f"retry: {RETRY_MS}\n\n"
        while not feed.closing:
            look, now = feed.latest, clock.monotonic()
            if look.number != number or now >= next_pulse:
                if not allowed():
                    yield event_text("ended", "")
                    return
                for name in names:
                    html = (look.drawn or {}).get(name)
                    if html is not None and sent.get(name) != html:
                        sent[name] = html
                        yield event_text(name, html)
                yield event_text("pulse", _pulse(look, clock))
                number, next_pulse = look.number, now + PULSE_S
            await asyncio.sleep(_LOOK_S)
    finally:
        feed.leave_viewer()


def event_text(name: str, data: str) -> str:
    """Return one event as the standard has it: each line of its data by itself."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n"


def _pulse(look: BoardLook, clock: Clock) -> str:
    return json.dumps({"now_ms": clock.now_ms(), "read_at_ms": look.read_at_ms, "away": bool(look.away)})
