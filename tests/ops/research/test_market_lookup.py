"""Markets of a history, asked of the venue once: kept in a file, gone on with after a stop, asked again while open."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backtest.history.market_facts import gamma_markets
from backtest.progress_bar import silent
from ops.research.market_lookup import look_up_markets
from ops.research.venue_pages import ReadingPace
from ops.research.venue_reader import VenueReader
from shared.clock import ManualClock
from shared.domain.errors import Unavailable

CONDITIONS = [f"0x{number:064x}" for number in range(120)]


class FakeGamma:
    """Knows every market but the first; the second is still open. `refusals` says from which request on it is away."""

    def __init__(self, away_from: int = 1_000) -> None:
        self.asked: list[tuple[str, str, list[str]]] = []
        self._away_from = away_from

    def get(self, path: str, params: dict[str, Any], /, *, lane: object) -> list[dict[str, Any]]:
        del path, lane
        key = next(name for name in params if name.endswith("_ids"))
        if len(self.asked) >= self._away_from:
            raise Unavailable("away")
        self.asked.append((key, params["closed"], params[key]))
        closed = params["closed"] == "true"
        return [
            {"conditionId": name, "closed": closed, "clobTokenIds": "[]"}
            for name in params[key]
            if name != CONDITIONS[0] and (name == CONDITIONS[1]) != closed
        ]


def look_up(gamma: FakeGamma, path: Path, conditions: list[str] = CONDITIONS) -> None:
    reader = SimpleNamespace(gamma=gamma, pace=ReadingPace(ManualClock()))
    look_up_markets(cast("VenueReader", reader), conditions, [], path, silent)


def kept(path: Path) -> set[str]:
    return {market["conditionId"] for market in gamma_markets(path.read_text().splitlines(keepends=True))}


def test_every_market_is_asked_for_once_in_batches_and_kept(tmp_path: Path) -> None:
    gamma, path = FakeGamma(), tmp_path / "research" / "markets.jsonl"

    look_up(gamma, path)

    assert [(closed, len(names)) for _, closed, names in gamma.asked] == [
        ("true", 50),
        ("false", 2),
        ("true", 50),
        ("true", 20),
    ]
    assert kept(path) == set(CONDITIONS)


def test_what_ended_or_is_unknown_is_not_asked_for_again_and_what_was_open_is(tmp_path: Path) -> None:
    path = tmp_path / "markets.jsonl"
    look_up(FakeGamma(), path)
    again = FakeGamma()

    look_up(again, path)

    assert [names for _, _, names in again.asked] == [[CONDITIONS[1]], [CONDITIONS[1]]]


def test_a_look_up_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    path = tmp_path / "markets.jsonl"
    with pytest.raises(Unavailable):
        look_up(FakeGamma(away_from=2), path)
    path.write_text(path.read_text() + '{"conditionId": "0xcut', encoding="utf-8")
    later = FakeGamma()

    look_up(later, path)

    assert sum(closed == "true" and len(names) >= 20 for _, closed, names in later.asked) == 2
    assert kept(path) >= set(CONDITIONS[2:])
