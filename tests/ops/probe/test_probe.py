"""The live probe against the local venue: it confirms docs/venue.md there, and tells what contradicts it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.rigs.witnesses.world import KEYS, LateClock, witnessed_world
from ops.probe.__main__ import probe
from ops.probe.belief import Belief, NothingToSee, PageWrong, hold, summary_of
from shared.clock import SystemClock
from shared.domain.errors import Unavailable
from tests.source_tree import ROOT

URLS = {
    "DATA_API_URL": "data_api_url",
    "GAMMA_URL": "gamma_url",
    "CLOB_URL": "clob_url",
    "RPC_URL": "rpc_url",
    "RELAYER_URL": "relayer_url",
    "GEOBLOCK_URL": "geoblock_url",
    "CLOB_MARKET_URL": "clob_ws_url",
    "RTDS_URL": "rtds_url",
}


class Probed:
    """The local venue, and what a probe told of it."""

    def __init__(self, sim: Any, world: dict[str, Any], folder: Path) -> None:
        self.sim, self.world = sim, world
        self.env = folder / "probe.env"
        key = KEYS["deposit"].removeprefix("0x")
        lines = [f"{name}={sim.urls[url]}" for name, url in URLS.items()]
        self.env.write_text("\n".join([*lines, f"PRIVATE_KEY={key}", "WALLET_TYPE=deposit", ""]))
        self.env.chmod(0o600)
        self.told: list[str] = []

    def run(self, *, trade: bool = False, answer: Callable[[str], str] = lambda _: "") -> int:
        return probe(
            str(self.env), self.world["leader"], trade=trade, clock=SystemClock(), answer=answer, tell=self.told.append
        )

    def orders(self) -> list[dict[str, Any]]:
        return self.sim._app.traders.orders()

    def lines(self, state: str) -> list[str]:
        return [line for line in self.told if line.startswith(state)]


@pytest.fixture
def probed(tmp_path: Path) -> Iterator[Probed]:
    with witnessed_world() as (sim, world):
        yield Probed(sim, world, tmp_path)


@pytest.mark.simulator
def test_every_read_of_the_local_venue_confirms_the_page(probed: Probed) -> None:
    code = probed.run()

    assert (code, probed.lines("WRONG"), probed.lines("not seen")) == (0, [], [])
    assert len(probed.lines("confirmed")) >= 18


@pytest.mark.simulator
def test_an_answer_that_contradicts_the_page_is_told_and_ends_badly(probed: Probed) -> None:
    probed.sim.fault("missing_cursor", "data")
    probed.sim.fault("shuffled_book", "clob")

    code = probed.run()

    assert code == 1
    assert any("bids" in line or "asks" in line for line in probed.lines("WRONG"))


@pytest.mark.simulator
def test_nothing_is_traded_unless_the_address_is_typed(probed: Probed) -> None:
    code = probed.run(trade=True, answer=lambda _: "yes")

    assert code == 2
    assert probed.orders() == []


@pytest.mark.simulator
@pytest.mark.takes(8)
def test_one_minimal_order_each_way_confirms_amounts_and_fees(probed: Probed) -> None:
    asked: list[str] = []

    def typed(question: str) -> str:
        asked.append(question)
        return str(re.findall(r"0x[0-9a-fA-F]{40}", question)[0])

    code = probed.run(trade=True, answer=typed)

    assert probed.lines("WRONG") == []
    assert (code, len(asked)) == (0, 1)
    assert [order["side"] for order in probed.orders()] == ["BUY", "SELL"]


def test_an_upstream_that_is_away_says_nothing_of_the_page() -> None:
    def away() -> str:
        raise Unavailable("no answer")

    def wrong() -> str:
        raise PageWrong("seven")

    def none() -> str:
        raise NothingToSee("nobody traded")

    held = [hold(Belief("1.1", "six", look)) for look in (away, wrong, none, lambda: "six")]

    assert [each.state for each in held] == ["not seen", "WRONG", "not seen", "confirmed"]
    assert summary_of(held) == "1 confirmed, 1 WRONG, 2 not seen"


def test_each_belief_names_a_section_of_the_page() -> None:
    page = (ROOT / "docs" / "venue.md").read_text(encoding="utf-8")
    sections = set(re.findall(r"^##+ ([\d.]*\d)", page, re.MULTILINE))
    named = {
        section
        for file in (ROOT / "ops" / "probe").glob("*.py")
        for section in re.findall(r'Belief\("([\d.]+)"', file.read_text(encoding="utf-8"))
    }

    assert named
    assert named - sections == set()


def test_the_clock_of_the_witnessed_world_catches_up() -> None:
    clock = LateClock()
    before = clock.now_ms()
    clock.behind_ms = 0

    assert clock.now_ms() - before >= 600_000
