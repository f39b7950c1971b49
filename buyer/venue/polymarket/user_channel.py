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
from shared.domain.errors import HybridError, Malformed
from shared.polymarket.wire.parsing import Raw, as_object
from shared.websocket import PushSocket

PING_S = 10.0
STALE_S = 30.0
"""Without a PONG for this long the connection is taken for dead, however open it looks (pitfall 10)."""
_CONFIRMED = "CONFIRMED"
_REST_S = (0.5, 1.0, 2.0, 5.0, 15.0)
"""Pauses between attempts to connect."""


class UserChannel:
    """One thread's connection; it comes back by itself, and then says that something may have been missed."""

    def __init__(
        self, connect: Callable[[], PushSocket], key: ApiKey, *, clock: Clock, pause: Callable[[float], None]
    ) -> None:
        self._connect, self._key, self._clock, self._pause = connect, key, clock, pause
        self._socket: PushSocket | None = None
        self._failures = 0
        self._since_ms: int | None = None
        self._trades: list[Raw] = []
        self._next_try = self._ping_at = self._heard_at = clock.monotonic()
        self._log = logs.get_logger("user_feed")

    def wait(self, seconds: float) -> bool:
        """Wait up to `seconds` for news of our orders; True when there is some, or some may have been missed."""
        if self._socket is None:
            return self._open(seconds)
        try:
            return self._heard(self._socket, seconds)
        except HybridError as error:
            self._lose(str(error))
            return False

    def trades(self) -> list[Raw]:
        """Return the trades that were said to be confirmed since the last call."""
        found, self._trades = self._trades, []
        return found

    def covers(self, since_ms: int) -> bool:
        """Say whether we have heard everything since then, as far as one can know."""
        return self._since_ms is not None and self._since_ms <= since_ms

    def close(self) -> None:
        """Leave."""
        self._since_ms = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self, seconds: float) -> bool:
        if self._clock.monotonic() < self._next_try:
            self._pause(seconds)
            return False
        try:
            self._socket = self._connect()
            self._socket.send(_first_frame(self._key))
        except HybridError as error:
            self._lose(str(error))
            return False
        self._failures = 0
        self._since_ms = self._clock.now_ms()
        self._ping_at = self._heard_at = self._clock.monotonic()
        self._log.info("user_feed_open")
        return True

    def _heard(self, socket: PushSocket, seconds: float) -> bool:
        now = self._clock.monotonic()
        if now - self._ping_at >= PING_S:
            self._ping_at = now
            socket.send("PING")
        frame = socket.receive(seconds)
        if frame is not None:
            self._heard_at = self._clock.monotonic()
            self._trades += _confirmed(frame)
            return frame != "PONG"
        if now - self._heard_at > STALE_S:
            self._lose("mute")
        return False

    def _lose(self, why: str) -> None:
        self._log.warning("user_feed_lost", error=why)
        self.close()
        pause_s = _REST_S[min(self._failures, len(_REST_S) - 1)]
        self._failures += 1
        self._next_try = self._clock.monotonic() + pause_s


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
