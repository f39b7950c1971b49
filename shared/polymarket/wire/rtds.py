"""RTDS, the venue's push feed of all trades: what to send, and what arrives (venue reference 4.3).

There is no filter by wallet: every trade of the venue comes by, one row a message, takers and makers. A row names no
collateral and no log index. Its `timestamp` is mostly the block's time minus one second, so `traded_at_ms` adds that
second and says that it is an estimate; transactions, never times, match it with other sources (pitfall 14).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from shared.domain.errors import Malformed, Rejected
from shared.polymarket.wire.leader_fills import V1_NAMES, FillReading, LeaderFill, activity_fill, read_all, row_time_ms
from shared.polymarket.wire.parsing import Raw, as_object, read_number, read_text

SUBSCRIBE = '{"action":"subscribe","subscriptions":[{"topic":"activity","type":"trades"}]}'
PING = "PING"
PING_EVERY_S = 5.0
PONG = ""
"""The answer to `PING`: an empty frame."""
EARLY_S = 1
"""How much earlier than its block a row mostly says it was (2,756 of 3,596)."""
_SHOWN_CHARS = 120


@dataclass(frozen=True, slots=True)
class PushedTrades:
    """One trade of the venue; its row is read in full only when its wallet is a leader."""

    wallet: str
    traded_at_ms: int
    row: Raw


def read_frame(frame: str) -> PushedTrades | None:
    """Read one frame; None for a pong and for what is no trade.

    Raises:
        Rejected: the feed refuses what we asked for.
        Malformed: the frame cannot be read.
    """
    if frame == PONG:
        return None
    message = as_object(_parsed(frame), "push frame")
    if message.get("statusCode") is not None:
        raise Rejected(
            f"rtds refuses: {read_text(message, 'message')[:_SHOWN_CHARS]} ({read_text(message, 'statusCode')})"
        )
    if message.get("topic") != "activity" or message.get("type") != "trades":
        return None
    row = as_object(message.get("payload"), "payload")
    return PushedTrades(read_text(row, "proxyWallet").lower(), row_time_ms(row) + EARLY_S * 1000, row)


def read_pushed(rows: Iterable[Raw], leader: str) -> FillReading:
    """Read a leader's rows as fills; their collateral is price times size, since a row names none."""
    return read_all(rows, lambda row: _fill(row, leader))


def _fill(row: Raw, leader: str) -> LeaderFill:
    read_number(row, "price")
    fill = activity_fill(row, leader, V1_NAMES)
    return replace(fill, traded_at_ms=fill.traded_at_ms + EARLY_S * 1000, exact_time=False)


def _parsed(frame: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(frame, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise Malformed(f"push frame is no JSON: {frame[:_SHOWN_CHARS]!r}") from error


def _no_number(said: str) -> NoReturn:
    raise ValueError(said)
