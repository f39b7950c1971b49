"""What stands in for the market channel: frames as the venue sends them, and lines that play a script."""

import json
from typing import Any

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
