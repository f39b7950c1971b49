"""The doctor's rows of nodes of pending transactions: there or not, of Polygon or not, and what each shows."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from ops.setup.checks.pending_nodes import hear_pending
from ops.setup.checks.upstreams import VenueAsk
from ops.setup.domain.check_line import CheckLine
from shared.clock import ManualClock
from shared.domain.errors import Unavailable
from shared.polymarket.wire.matches.node_frames import WAYS, Way
from simulator import Settings, WallClock, serve
from tests.ops.setup.local_venue import examined, settle_in, told, venue_settings

SILENT = -1


class ScriptedFeed:
    """A node that offers some ways, is of some chain, and shows something or not."""

    def __init__(self, *offers: Way, chain: int = 137, shows: bool = True) -> None:
        self.offers, self.chain, self.shows = offers, chain, shows
        self.frames: list[str] = []

    def send(self, text: str) -> None:
        asked: Any = json.loads(text)
        if self.chain == SILENT:
            return
        if asked["method"] == "eth_chainId":
            self.frames.append(json.dumps({"id": asked["id"], "result": hex(self.chain)}))
            return
        way: Way = WAYS[int(asked["id"]) - 10]
        if way in self.offers:
            self.frames.append(json.dumps({"id": asked["id"], "result": "0xab"}))
            shown = {"params": {"result": "0x" + "ab" * 32}}
            self.frames += [json.dumps(shown)] if self.shows else []
        else:
            error = {"code": -32601, "message": "method not found"}
            self.frames.append(json.dumps({"id": asked["id"], "error": error}))

    def receive(self, timeout_s: float) -> str | None:
        del timeout_s
        return self.frames.pop(0) if self.frames else None


def heard(feed: ScriptedFeed) -> CheckLine:
    return hear_pending("pending node-1", cast("Any", feed), VenueAsk(ManualClock(0), 5.0))


def test_a_node_that_shows_whole_transactions_is_in_order() -> None:
    line = heard(ScriptedFeed("filtered", "whole", "hashes"))

    assert line.state == "ok"
    assert line.found == "offers filtered and whole and hashes; the first transaction came after 0.0 s"


@pytest.mark.parametrize(
    ("feed", "state", "words", "fix"),
    [
        (ScriptedFeed("hashes"), "warn", "offers hashes;", "whole transactions"),
        (ScriptedFeed("whole", shows=False), "warn", "showed nothing within 5 s", "Wait for a trade"),
        (ScriptedFeed(), "fail", "shows no pending transactions: method not found (-32601)", "PENDING_URLS"),
        (ScriptedFeed("whole", chain=1), "fail", "a node of chain 1, not of Polygon", "PENDING_URLS"),
    ],
    ids=["hashes alone", "mute", "no way", "another chain"],
)
def test_what_is_wrong_with_a_node_is_said_with_its_fix(feed: ScriptedFeed, state: str, words: str, fix: str) -> None:
    line = heard(feed)

    assert line.state == state
    assert words in line.found
    assert fix in line.fix


def test_a_node_that_says_nothing_at_all_is_away() -> None:
    with pytest.raises(Unavailable, match="not a word within 5 s"):
        heard(ScriptedFeed(chain=SILENT))


@pytest.mark.simulator
def test_each_of_the_named_nodes_has_a_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world = Settings(fills_per_minute=600, speed=4, resolve_after_s=36_000, pending_share=1.0)
    with serve(world, WallClock()) as sim:
        leader = sim.leaders[0].address
        named = [sim.urls["pending_url"], sim.urls["second_pending_url"], "ws://127.0.0.1:9/nobody"]
        settle_in(
            monkeypatch,
            tmp_path,
            {**venue_settings(sim), "TRACKED_WALLETS": leader, "PENDING_URLS": ",".join(named)},
        )
        lines = examined(8)

    states = [told(lines, f"pending node-{place}")[0].state for place in (1, 2, 3)]
    assert states == ["ok", "warn", "fail"], [str(line) for line in lines if "pending" in line.name]
