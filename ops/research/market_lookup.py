"""Markets of a history as Gamma tells them, kept in a file: asked once, at a stranger's pace, gone on with later."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from backtest.history.market_facts import gamma_markets
from ops.research.venue_reader import VenueReader
from shared.polymarket.gamma import MOST_TOKENS, raw_markets
from shared.rate_limit.limits import GateLane

Told = Callable[[str, float], None]
_BY_CONDITION, _BY_TOKEN = "condition_ids", "clob_token_ids"
_UNKNOWN = "unknown"
"""Marks a market of which the venue knows nothing, so that it is not asked for again."""


def look_up_markets(
    reader: VenueReader, conditions: Sequence[str], tokens: Sequence[str], path: Path, told: Told
) -> None:
    """Ask for the markets that `path` does not hold yet, and append each answer as soon as it is there.

    A market that was open when it was asked for is asked for again; what ended stays as it is. Whoever stops this goes
    on from there with the same call.

    Args:
        reader: The venue.
        conditions: The markets of a history by their ids.
        tokens: Tokens of which the history knows no market.
        path: JSON lines, as `--resolved` reads them.
        told: Told how far it is.

    Raises:
        TryAgain: the venue does not answer, also after some patience.
    """
    ended = _ended(path)
    asked = [(_BY_CONDITION, ids) for ids in _batches([name for name in conditions if name not in ended])]
    asked += [(_BY_TOKEN, ids) for ids in _batches([name for name in tokens if name not in ended])]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as out:
        for number, (key, ids) in enumerate(asked):
            told("asking for markets", number / len(asked))
            for market in _answers(reader, key, ids):
                out.write(json.dumps(market, default=str) + "\n")
            out.flush()


def _answers(reader: VenueReader, key: str, ids: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield what the venue says of some markets; those that ended are left out unless they are asked for."""
    left = list(ids)
    for closed in (True, False):
        found = reader.pace.patiently(
            partial(raw_markets, reader.gamma, key, left, closed=closed, lane=GateLane.CATCHUP)
        )
        yield from found
        told = {name for market in found for name in _names(market)}
        left = [name for name in left if name not in told]
        reader.pace.rest()
        if not left:
            return
    yield from ({"conditionId": name, _UNKNOWN: True, "clobTokenIds": "[]"} for name in left)


def _ended(path: Path) -> set[str]:
    """Return the conditions and tokens of what a file holds for good; a last line that was cut short goes."""
    if not path.exists():
        return set()
    text = path.read_text(encoding="utf-8")
    lines = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
    if not text.endswith("\n"):
        path.write_text("".join(lines), encoding="utf-8")
    kept = (market for market in gamma_markets(lines) if market.get("closed") or market.get(_UNKNOWN))
    return {name for market in kept for name in _names(market)}


def _names(market: dict[str, Any]) -> list[str]:
    return [str(market.get("conditionId", "")).lower(), *json.loads(market.get("clobTokenIds") or "[]")]


def _batches(names: Sequence[str]) -> list[Sequence[str]]:
    return [names[at : at + MOST_TOKENS] for at in range(0, len(names), MOST_TOKENS)]
