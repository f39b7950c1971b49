"""Builders for the detector's tests: rows, logs and views of one leader's plain trade unless a test says otherwise."""

from decimal import Decimal
from typing import Any

from detector.domain.fill_view import FillView
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V1, CTF_EXCHANGE_V2, ORDER_FILLED, ORDER_FILLED_V1
from shared.polymarket.wire.leader_fills import LeaderFill
from shared.polymarket.wire.order_filled import padded_address

LEADER = "0x" + "a1" * 20
OTHER = "0x" + "b2" * 20
TX = "0x" + "7e" * 32
TOKEN = "1234567890"
CONDITION = "0x" + "c0" * 32
NOW_S = 1_790_000_000
NOW_MS = NOW_S * 1000


def tx(number: int) -> str:
    """Name a transaction."""
    return f"0x{number:064x}"


def a_row(**changes: Any) -> dict[str, Any]:
    """Build a v2 activity row: 100 shares bought for 52."""
    return {
        "proxy_wallet": LEADER,
        "timestamp": NOW_S,
        "condition_id": CONDITION,
        "type": "TRADE",
        "size": 100,
        "usdc_size": 52,
        "transaction_hash": TX,
        "price": Decimal("0.52"),
        "token_id": TOKEN,
        "side": "BUY",
        "outcome_index": 0,
        "title": "Will it rain?",
        "slug": "rain",
        "event_slug": "weather",
        "outcome": "Yes",
        **changes,
    }


def a_fill(shares: int = 100_000_000, usdc: int = 52_000_000, **changes: Any) -> LeaderFill:
    """Build a fill as a source tells it; amounts in micro-units."""
    facts: dict[str, Any] = {
        "leader": LEADER,
        "tx_hash": TX,
        "token_id": TOKEN,
        "side": "BUY",
        "traded_at_ms": NOW_MS,
        **changes,
    }
    return LeaderFill(shares_micro=shares, usdc_micro=usdc, **facts)


def a_view(*fills: LeaderFill, source: str = "data_api", seen_at_ms: int = NOW_MS + 5000) -> FillView:
    """Build one look at an upstream."""
    return FillView(source, seen_at_ms, fills)


def a_log(
    *,
    side: int = 0,
    token: str = TOKEN,
    given: int = 52_000_000,
    received: int = 100_000_000,
    maker: str = LEADER,
    taker: str = CTF_EXCHANGE_V2,
    **changes: Any,
) -> dict[str, Any]:
    """Build a V2 `OrderFilled` log: 100 shares bought for 52 as taker."""
    words = (side, int(token), given, received, 0, 0, 0)
    return {
        "address": CTF_EXCHANGE_V2,
        "topics": [ORDER_FILLED, "0x" + "0f" * 32, padded_address(maker), padded_address(taker)],
        "data": "0x" + "".join(f"{word:064x}" for word in words),
        "blockNumber": hex(1000),
        "transactionHash": TX,
        "blockTimestamp": hex(NOW_S),
        "logIndex": hex(5),
        "removed": False,
        **changes,
    }


def a_v1_log(given_asset: str = "0", received_asset: str = TOKEN, **changes: Any) -> dict[str, Any]:
    """Build a V1 `OrderFilled` log: 100 shares bought for 52 as taker."""
    words = (int(given_asset), int(received_asset), 52_000_000, 100_000_000, 0)
    topics = [ORDER_FILLED_V1, "0x" + "0f" * 32, padded_address(LEADER), padded_address(CTF_EXCHANGE_V1)]
    return {**a_log(), "topics": topics, "data": "0x" + "".join(f"{word:064x}" for word in words), **changes}


def an_entity(**changes: Any) -> dict[str, Any]:
    """Build a subgraph's `OrderFilledEvent`: 100 shares bought for 52 as taker."""
    return {
        "id": f"{TX}_0x{'0f' * 32}",
        "transactionHash": TX,
        "timestamp": str(NOW_S),
        "orderHash": "0x" + "0f" * 32,
        "maker": LEADER,
        "taker": CTF_EXCHANGE_V1,
        "makerAssetId": "0",
        "takerAssetId": TOKEN,
        "makerAmountFilled": "52000000",
        "takerAmountFilled": "100000000",
        "fee": "0",
        **changes,
    }
