"""Frames of the market channel to measure with: a captured game's, or made-up ones where no capture is at hand."""

import csv
import gzip
import itertools
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

CAPTURE = Path("books") / "mlb_game_market_channel.csv.gz"
TOKENS = ("1" * 77, "2" * 77)
_SIDES = {"bid": "BUY", "ask": "SELL"}
_NAMES = ("asset_id", "event_type", "hash", "timestamp")


def captured(folder: Path) -> Iterator[dict[str, Any]]:
    """Return a game's channel as the messages that its file was flattened from."""
    with gzip.open(folder / CAPTURE, "rt") as file:
        rows = csv.DictReader(file)
        for (token, kind, state, stamp), group in itertools.groupby(rows, lambda row: tuple(row[n] for n in _NAMES)):
            levels = [(row["price"], row["size"], _SIDES[row["side"]]) for row in group]
            yield _book(token, stamp, state, levels) if kind == "book" else _changes(token, stamp, state, levels)


def made_up(count: int = 8_000, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Return two books and changes to them, the same ones for the same seed."""
    draw = random.Random(seed)
    for token in TOKENS:
        sides = (("BUY", range(20, 45)), ("SELL", range(55, 80)))
        levels = [(f"0.{cents}", str(draw.randint(5, 5000)), side) for side, prices in sides for cents in prices]
        yield _book(token, "0", "", levels)
    for number in range(count):
        side = draw.choice(("BUY", "SELL"))
        cents = draw.randint(20, 44) if side == "BUY" else draw.randint(55, 79)
        size = str(draw.choice((0, draw.randint(5, 5000))))
        yield _changes(draw.choice(TOKENS), str(number), "", [(f"0.{cents}", size, side)])


def _book(token: str, stamp: str, state: str, levels: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    sides: dict[str, list[dict[str, str]]] = {"BUY": [], "SELL": []}
    for price, size, side in levels:
        sides[side].append({"price": price, "size": size})
    return {
        "event_type": "book",
        "asset_id": token,
        "timestamp": stamp,
        "hash": state,
        "bids": sides["BUY"],
        "asks": sides["SELL"],
        "tick_size": "0.001",
    }


def _changes(token: str, stamp: str, state: str, levels: Iterable[tuple[str, str, str]]) -> dict[str, Any]:
    changes = [
        {"asset_id": token, "price": price, "size": size, "side": side, "hash": state} for price, size, side in levels
    ]
    return {"event_type": "price_change", "timestamp": stamp, "price_changes": changes}
