"""A poller's CSV log of one wallet, read as rows of v1: what the log leaves out is derived from what it holds.

The log names a market by its title and a token by its outcome only, so ids are made of both. Its amounts went through
floats; the venue knows micro-units only, so they are rounded to those. Rows without a side are redemptions, or merges
while the market still trades.
"""

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from simulator.core import identity
from simulator.core.amounts import micro, number

Texts = dict[str, str]
_FIRST = {"Yes", "Up", "Over"}
_UNLABELLED = "999"
_dumped = lru_cache(maxsize=100_000)(json.dumps)


def read(path: Path) -> list[Texts]:
    """Return the rows as JSON texts by name, newest first, as the venue lists them."""
    logged = sorted(_lines(path), key=lambda line: int(line["timestamp"]))
    ends: dict[str, int] = {}
    names: dict[str, set[str]] = {}
    for line in logged:
        if line["side"]:
            ends[line["market"]] = int(line["timestamp"])
            names.setdefault(line["market"], set()).add(line["outcome"])
    places = {title: _places(outcomes) for title, outcomes in names.items()}
    return [_row(line, places.get(line["market"], {}), ends.get(line["market"], 0)) for line in reversed(logged)]


def _lines(path: Path) -> list[dict[str, str]]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            text = archive.read(archive.namelist()[0]).decode()
    else:
        text = path.read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def _places(outcomes: Iterable[str]) -> dict[str, int]:
    """Return the index of each outcome; one that is alone gets the index its name stands for."""
    ordered = sorted(outcomes, key=lambda name: (name not in _FIRST, name))
    start = 0 if ordered[0] in _FIRST or len(ordered) > 1 else 1
    return {name: place for place, name in enumerate(ordered, start)}


def _row(line: dict[str, str], places: dict[str, int], last_trade_s: int) -> Texts:
    title = line["market"]
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    return {
        "proxyWallet": _dumped(line["wallet_addr"]),
        "timestamp": line["timestamp"],
        "conditionId": _dumped(_condition(title)),
        "size": number(micro(line["size"])),
        "usdcSize": number(micro(line["usdc"])),
        "transactionHash": json.dumps(line["tx_hash"]),
        "price": line["price"],
        "title": _dumped(title),
        "slug": _dumped(slug),
        "eventSlug": _dumped(slug),
        "name": _dumped(line["wallet_name"]),
        "pseudonym": _dumped(line["wallet_name"]),
        **(_traded(line, places) if line["side"] else _returned(line, last_trade_s)),
    }


def _traded(line: dict[str, str], places: dict[str, int]) -> Texts:
    place = places[line["outcome"]]
    return {
        "type": '"TRADE"',
        "side": _dumped(line["side"]),
        "asset": _dumped(_token(line["market"], place)),
        "outcome": _dumped(line["outcome"]),
        "outcomeIndex": str(place),
    }


def _returned(line: dict[str, str], last_trade_s: int) -> Texts:
    kind = '"MERGE"' if int(line["timestamp"]) <= last_trade_s else '"REDEEM"'
    return {"type": kind, "side": '""', "asset": '""', "outcome": '""', "outcomeIndex": _UNLABELLED}


@lru_cache(maxsize=10_000)
def _condition(title: str) -> str:
    return identity.hash32("condition", title)


@lru_cache(maxsize=20_000)
def _token(title: str, place: int) -> str:
    return identity.token(_condition(title), place)
