"""`why` and `why-not` of a capture and of the running system, in the same words."""

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops.explain import why
from shared.capture.capture import Capture, Header, LinesWriter
from shared.domain.errors import BadConfig
from shared.messages.events import write_event
from shared.redis.client import connect_redis
from shared.redis.streams import StreamEntry
from tests.buyer.builders import NOW_MS
from tests.ops.explain.life_builders import LIFE, SIGNAL


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    numbers = itertools.count()
    streams = {
        "ACTIONABLE_SIGNAL": "hs:signals",
        "FILL_CONFIRMED": "hs:sightings",
        "REDEMPTION_RESULT": "hs:redemptions",
    }
    path = tmp_path / "capture.jsonl"
    out = LinesWriter(path, Header(NOW_MS))
    out.write(
        [
            StreamEntry(streams.get(event.event, "hs:decisions"), f"{next(numbers)}-0", {"json": write_event(event)})
            for event in LIFE
        ]
    )
    out.close()
    return path


def printed(capture: Path, wanted: str) -> Iterator[dict[str, Any]]:
    out = io.StringIO()
    why.why(wanted, "", capture, as_json=True, console=Console(file=out, width=80))
    yield from json.loads(out.getvalue())


def test_json_of_a_capture_holds_every_event_and_the_cost(capture: Path) -> None:
    [life] = printed(capture, SIGNAL.tx_hash)

    assert life["cost"]["total"] == "0.32"
    assert (len(life["confirmations"]), len(life["payments"])) == (1, 1)
    assert life["decision"]["rules"][0]["rule"] == "slippage"


@pytest.mark.server
def test_the_running_system_is_told_by_the_same_words(valkey_url: str, capture: Path) -> None:
    out = io.StringIO()
    with connect_redis(valkey_url) as redis:
        for entry in Capture.open(capture):
            redis.xadd(entry.stream, {"event": entry.fields["event"], "json": entry.json})

    why.why(SIGNAL.tx_hash, valkey_url, None, as_json=True, console=Console(file=out, width=80))

    assert json.loads(out.getvalue()) == list(printed(capture, SIGNAL.tx_hash))


def test_what_nothing_names_is_a_plain_error_with_the_next_step(capture: Path) -> None:
    with pytest.raises(BadConfig, match="hybrid audit"):
        list(printed(capture, "f" * 64))


def test_totals_of_a_capture_reach_back_from_its_newest_event(capture: Path) -> None:
    out = io.StringIO()

    why.why_not("", capture, hours=1, leader="", as_json=True, console=Console(file=out, width=80))

    assert json.loads(out.getvalue())["decided"] == 1
