"""The venue's push feed of our own account: what it says is confirmed is looked up on the chain, the rest by REST.

Source: venue reference 4.2; `polymarket-client` 0.14.0, `streams/clob/user_protocol.py` and `heartbeat.py`.
"""

import json
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import cast

from buyer.venue.polymarket.credentials import ApiKey
from shared import logs
from shared.clock import Clock
from shared.domain.backoff import SteppedBackoff
from shared.domain.errors import HybridError, Malformed, Unavailable
from shared.polymarket.wire.market_channel import PING, PONG
from shared.polymarket.wire.parsing import Raw, as_object
from shared.reconnecting_socket import FrameConnection, PingRule, ReconnectingSocket

PING_S = 10.0
STALE_S = 30.0
"""Without a PONG for this long the connection is taken for dead, however open it looks (pitfall 10)."""
TOGETHER_S, MOST_TOGETHER = 0.2, 2000
"""An order's several messages come within this, and are heard together; so many at most."""
_CONFIRMED = "CONFIRMED"
BACKOFF = SteppedBackoff((0.5, 1.0, 2.0, 5.0, 15.0))


class UserChannel(ReconnectingSocket):
    """One thread's connection; it comes back by itself, and then says that something may have been missed."""

    def __init__(
        self, connect: Callable[[], FrameConnection], key: ApiKey, *, clock: Clock, pause: Callable[[float], None]
    ) -> None:
        ping = PingRule(PING, PING_S, first_s=PING_S)
        # Counted from -1: the first failure waits the first step, as one after a good connection does.
        super().__init__("user feed", connect, ping=ping, backoff=BACKOFF, clock=clock, failures=-1)
        self._key, self._pause = key, pause
        self._since_ms: int | None = None
        self._trades: list[Raw] = []
        self._next_try = self._heard_at = clock.monotonic()
        self._log = logs.get_logger("user_feed")

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for news of our orders; True when there is some, or some may have been missed."""
        if not self.is_open and self._clock.monotonic() < self._next_try:
            self._pause(seconds)
            return False
        try:
            return self._news(seconds)
        except HybridError as error:
            self.lose(error)
            self._next_try = self._clock.monotonic() + self.pause_s()
            return False

    def trades(self) -> list[Raw]:
        """Return the trades that were said to be confirmed since the last call."""
        found, self._trades = self._trades, []
        return found

    def covers(self, since_ms: int) -> bool:
        """Say whether we have heard everything since then, as far as one can know."""
        return self._since_ms is not None and self._since_ms <= since_ms

    def _news(self, seconds: float) -> bool:
        if not self.is_open:
            self.open()
            return True
        frame, news = self.step(seconds), False
        if frame is not None:
            self._pause(TOGETHER_S)
        for _ in range(MOST_TOGETHER):
            if frame is None:
                break
            news |= frame != PONG
            frame = self.step(0)
        return news

    def _greet(self, connection: FrameConnection) -> None:
        connection.send(_first_frame(self._key))
        self._since_ms = self._clock.now_ms()
        self._heard_at = self._clock.monotonic()
        self._log.info("user_feed_open")

    def _hear(self, frame: str) -> None:
        self._heard_at = self._clock.monotonic()
        self._trades += _confirmed(frame)

    def _watch(self, connection: FrameConnection, now: float) -> None:
        del connection
        if now - self._heard_at > STALE_S:
            raise Unavailable("mute")

    def _closed(self) -> None:
        self._since_ms = None

    def _is_steady(self, lasted_s: float) -> bool:
        del lasted_s
        return True

    def _lost(self, error: HybridError) -> None:
        self._log.warning("user_feed_lost", error=str(error))


def _confirmed(frame: str) -> list[Raw]:
    """Return the confirmed trades of a frame; what cannot be read is left to REST."""
    if _CONFIRMED not in frame:
        return []
    try:
        said: object = json.loads(frame, parse_float=Decimal)
        rows = [as_object(row, "frame") for row in (cast("list[object]", said) if isinstance(said, list) else [said])]
    except (ValueError, RecursionError, InvalidOperation, Malformed):
        return []
    return [row for row in rows if row.get("event_type") == "trade" and row.get("status") == _CONFIRMED]


def _first_frame(key: ApiKey) -> str:
    """Ask for all markets: leaving `markets` out means every one."""
    auth = {
        "apiKey": key.owner.get_secret_value(),
        "secret": key.secret.get_secret_value(),
        "passphrase": key.passphrase.get_secret_value(),
    }
    return json.dumps({"type": "user", "auth": auth}, separators=(",", ":"))
