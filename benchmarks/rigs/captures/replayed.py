"""Captured activity replayed: every row is served again with its own digits, but for its time."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests

from simulator import ManualClock, Settings, serve

_PLAYED_S = 100
_PAGE = 500


def unserved(file: Path) -> tuple[int, int]:
    """Replay a file of rows; return how many there are, and how many come back otherwise or not at all."""
    captured = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
    times = [row["timestamp"] for row in captured]
    speed = max(1.0, (max(times) - min(times)) / _PLAYED_S)
    world = Settings(activity=(file,), leaders=0, markets=0, fills_per_minute=0.0, speed=speed, limits=False)
    with serve(world, ManualClock()) as sim:
        sim.advance(_PLAYED_S + 60)
        url, wallet = f"{sim.base}/data/activity", captured[0]["proxyWallet"]
        served: list[Any] = []
        for offset in range(0, len(captured), _PAGE):
            asked = {"user": wallet, "limit": _PAGE, "offset": offset}
            served += json.loads(requests.get(url, params=asked, timeout=30).text, parse_float=Decimal)
    return len(captured), sum((Counter(map(_timeless, captured)) - Counter(map(_timeless, served))).values())


def _timeless(row: dict[str, Any]) -> str:
    return json.dumps({name: str(value) for name, value in row.items() if name != "timestamp"}, sort_keys=True)
