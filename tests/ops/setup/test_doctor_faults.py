"""The doctor beside the local venue: each of its faults is seen on its own line, or said to be out of sight."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from ops.setup.domain.check_line import CheckLine, exit_code_of
from shared.domain.exit_codes import CLEAN, DEPENDENCY_MISSING
from simulator import Settings, Simulator, WallClock, serve
from simulator.gateway.faults import KINDS
from tests.ops.setup.local_venue import examined, settle_in, told, venue_settings

pytestmark = [pytest.mark.simulator]


class Seen(NamedTuple):
    """A fault, and the line that tells of it."""

    kind: str
    upstream: str
    line: str
    state: str
    words: str
    given: Mapping[str, Any] = MappingProxyType({})


SEEN = (
    Seen("http_429", "data", "data api", "warn", "429", {"params": {"retry_after": 1}}),
    Seen("http_5xx", "gamma", "gamma", "fail", "503"),
    Seen("http_5xx", "rpc", "node", "fail", "503"),
    Seen("html_403", "clob", "clob", "fail", "403"),
    Seen("html_403", "site", "region", "fail", "403"),
    Seen("timeout", "gamma", "gamma", "fail", "no answer within"),
    Seen("timeout", "data", "leader", "fail", "no answer within"),
    Seen("slow", "rpc", "node", "warn", "ms an answer", {"params": {"seconds": 0.4}}),
    Seen("lost_request", "clob", "clock", "fail", "no answer"),
    Seen("lost_answer", "rpc", "node", "fail", "no answer"),
    Seen("truncated", "data", "data api", "fail", "JSON"),
    Seen("error_object", "gamma", "gamma", "fail", ""),
    Seen("malformed_rows", "data", "leader", "warn", "", {"params": {"how": "missing"}}),
    Seen("stale_cdn", "data", "data api", "warn", "old", {"params": {"seconds": 300}}),
    Seen("mute_socket", "rtds", "trades feed", "warn", "mute"),
    Seen("mute_socket", "ws", "books feed", "warn", "no book"),
    Seen("late_socket", "rtds", "trades feed", "warn", "", {"params": {"seconds": 60}}),
    Seen("close_socket", "rtds", "trades feed", "fail", "closed", {"seconds": 60}),
    Seen("close_socket", "ws", "books feed", "fail", "closed", {"seconds": 60}),
    Seen("lagging_node", "rpc", "node", "warn", "went back"),
    Seen("range_limit", "rpc", "node", "warn", "logs of", {"params": {"blocks": 100}}),
    Seen("clock_skew", "clob", "clock", "fail", "from the venue's", {"params": {"seconds": 40}}),
    Seen("empty_book", "clob", "clob", "warn", "lacks a side", {"params": {"side": "both"}}),
    Seen("crossed_book", "clob", "clob", "warn", "crossed"),
    Seen("indexing_errors", "subgraph", "subgraph", "fail", "indexing errors"),
)

OUT_OF_SIGHT = {
    "unlabelled_rows": "the token is what counts, and that is there",
    "unknown_type": "rows of new kinds are passed over by everybody",
    "duplicate_border": "pages are read by the detector alone",
    "late_index": "only who knows the truth sees what is missing",
    "repeat_cursor": "pages are read by the detector alone",
    "missing_cursor": "pages are read by the detector alone",
    "stuck_cache": "each question is asked once",
    "reorg": "it is over at once",
    "forged_fill": "what one node shows is checked when it is signalled",
    "forged_pending": "what a node shows pending is proven when it is signalled",
    "pending_reverts": "it is over at once",
    "pending_replaced": "it is over at once",
    "pending_late": "it is over at once",
    "shuffled_book": "levels are put in order by whoever reads them",
    "engine": "no order is sent",
    "lost_message": "no order is sent",
    "duplicate_message": "no order is sent",
    "strict_sells": "no order is sent",
    "stale_tokens": "no order is sent",
    "blank_numbers": "no order is sent",
    "hidden_order": "no order is sent",
    "contradiction": "no order is sent",
    "delayed": "no order is sent",
    "settlement_failed": "no order is sent",
    "settlement_retry": "no order is sent",
}


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with serve(Settings(fills_per_minute=600, speed=4, resolve_after_s=36_000), WallClock()) as world:
        yield world


@pytest.fixture(autouse=True)
def _healthy(sim: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    leader = sim.leaders[0].address
    sources = {"TRACKED_WALLETS": leader, "SOURCES": "data_api,chain_logs,rtds,subgraph"}
    settle_in(monkeypatch, tmp_path, {**venue_settings(sim), **sources})
    sim.fill(leader=leader, token=sim.markets[0].tokens[0], side="BUY", shares="10", price="0.5")
    yield
    sim.heal()


def test_a_healthy_venue_has_nothing_to_say() -> None:
    lines = examined(10)

    assert [str(line) for line in lines if line.state == "fail"] == []
    assert exit_code_of(lines) == CLEAN


def test_every_fault_of_the_simulator_is_seen_or_said_to_be_out_of_sight() -> None:
    assert {seen.kind for seen in SEEN} | OUT_OF_SIGHT.keys() == set(KINDS)


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: f"{seen.kind}-{seen.line}")
def test_a_fault_is_seen_on_its_line_and_hides_no_other(sim: Simulator, seen: Seen) -> None:
    sim.fault(seen.kind, seen.upstream, **seen.given)

    lines = examined()

    found = told(lines, seen.line)
    assert any(line.state == seen.state and seen.words in line.found for line in found), list(map(str, found))
    assert all(line.fix for line in found if line.state != "ok")
    every = {"settings", "machine", "disk", "server", "clock", "data api", "gamma", "clob", "trades feed"}
    assert every | {"books feed", "region", "subgraph", "node", "key"} <= {line.name for line in lines}
    assert exit_code_of(lines) == (DEPENDENCY_MISSING if any(line.state == "fail" for line in lines) else CLEAN) or (
        seen.kind == "clock_skew"
    )


def test_a_venue_that_hangs_everywhere_costs_no_more_than_the_time_given(sim: Simulator) -> None:
    sim.fault("timeout", "*")

    lines = examined(2)

    away: list[CheckLine] = [line for line in lines if line.state == "fail"]
    assert {"data api", "gamma", "clob", "node", "region", "clock"} <= {line.name for line in away}
    assert all("no answer" in line.found for line in away)
