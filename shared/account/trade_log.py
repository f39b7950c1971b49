"""The trades of a ledger in Redis: the steps that book them append them, whoever has time keeps the newest."""

from collections.abc import Iterator
from typing import cast

from redis import Redis

from shared.domain.errors import Malformed
from shared.messages.events import read_event
from shared.messages.trades import TradeBooked, trades_stream
from shared.redis.client import answering

_AT_ONCE = 1000


def trim_trades(redis: Redis, mode: str, most: int) -> None:
    """Keep the newest `most` trades, or a few more.

    Raises:
        Unavailable: the server is away; safe to call again.
    """
    with answering(redis):
        redis.xtrim(trades_stream(mode), maxlen=most, approximate=True)


def newest_trades(redis: Redis, mode: str, most: int) -> Iterator[TradeBooked]:
    """Yield the newest `most` trades, the newest first; what cannot be read is left out.

    Raises:
        Unavailable: the server is away.
    """
    before, left = "+", most
    while left > 0:
        with answering(redis):
            page = cast(
                "list[tuple[str, dict[str, str]]]",
                redis.xrevrange(trades_stream(mode), max=before, count=min(left, _AT_ONCE)),
            )
        for _, fields in page:
            trade = _trade(fields.get("json", ""))
            if trade is not None:
                yield trade
        if len(page) < min(left, _AT_ONCE):
            return
        left -= len(page)
        before = f"({page[-1][0]}"


def _trade(text: str) -> TradeBooked | None:
    try:
        event = read_event(text)
    except Malformed:
        return None
    return event if isinstance(event, TradeBooked) else None
