"""`hybrid discover` against the local venue, and over files."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops.cli import app
from ops.discovery.discover import discover
from ops.discovery.venue_candidates import SearchPlan
from shared.clock import ManualClock
from shared.terminal import Terminal
from simulator import ManualClock as VenueClock
from simulator import Settings, Simulator, serve
from tests.detector.builders import LEADER, NOW_S, OTHER, a_row, tx

NO_SERVER = "redis://127.0.0.1:1/0"
BEGINS_MS = 1_790_000_000_000
DAY_S = 86_400


@pytest.fixture(scope="module")
def venue() -> Iterator[Simulator]:
    """Five leaders, one of each habit, who lived for a day."""
    world = Settings(leaders=5, markets=12, fills_per_minute=1, resolve_after_s=3600)
    with serve(world, VenueClock(BEGINS_MS)) as sim:
        for _ in range(24):
            sim.advance(3600)
        yield sim


@pytest.fixture
def at_venue(venue: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    for name in ("data_api_url", "gamma_url", "rpc_url"):
        monkeypatch.setenv(name.upper(), venue.urls[name])
    return venue


@pytest.mark.simulator
def test_the_venues_own_boards_are_judged_makers_by_their_trades_alone(at_venue: Simulator, tmp_path: Path) -> None:
    clock = ManualClock(BEGINS_MS + DAY_S * 1000)
    quiet = Terminal(file=io.StringIO())

    done = discover(SearchPlan(top=5, active=2, days=2), NO_SERVER, tmp_path, clock, said=quiet)
    again = discover(SearchPlan(top=5, active=2, days=2), NO_SERVER, tmp_path, clock, said=quiet)

    names = {leader.address: leader.name for leader in at_venue.leaders}
    known = {row.address: row for row in done.rows}
    maker = next(row for address, row in known.items() if names.get(address, "").startswith("maker"))
    report = {candidate.address: report for candidate, report in done.found.judged}[maker.address]
    assert (maker.verdict, maker.conduct, report["delays"], report["requests"]) == ("no", "makes markets", [], 1)
    assert {row.name for row in done.rows} & set(names.values())
    assert all(row.verdict in {"no", "cannot tell"} for row in done.rows)  # nobody here has skill
    assert again.requests == 4  # the boards alone
    assert (again.found.reused, again.rows) == (len(done.rows), done.rows)


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two leaders in two files."""
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    first.write_text(
        json.dumps([a_row(timestamp=NOW_S + 60 * n, transaction_hash=tx(n), price="0.52") for n in range(20)])
    )
    second.write_text(json.dumps([a_row(timestamp=NOW_S, transaction_hash=tx(99), proxy_wallet=OTHER, price="0.52")]))
    return ["--files", str(first), "--files", str(second), "--data-dir", str(tmp_path)]


def said(*words: str) -> str:
    result = CliRunner().invoke(app, ["discover", *words])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_every_wallet_of_some_files_is_judged_as_hybrid_wallet_judges_it(files: list[str]) -> None:
    found = json.loads(said(*files, "--json"))
    alone = CliRunner().invoke(app, ["wallet", LEADER, "--history", files[1], "--json"])

    wallets: dict[str, Any] = {row["address"]: row for row in found["wallets"]}
    report = wallets[LEADER]["report"]
    assert set(wallets) == {LEADER, OTHER}
    assert {name: report[name] for name in json.loads(alone.stdout)} == json.loads(alone.stdout)
    assert (wallets[LEADER]["trades"], found["requests"]) == (20, 0)


def test_table_json_and_csv_show_the_same_figures(files: list[str]) -> None:
    table, as_json = said(*files), json.loads(said(*files, "--json"))
    [*rows] = csv.DictReader(io.StringIO(said(*files, "--csv")))

    for row, wallet in zip(rows, as_json["wallets"], strict=True):
        assert row["address"] == wallet["address"]
        assert row["pnl_30s"] == wallet["report"]["delays"][-1]["pnl"]
        assert wallet["address"] in table
        assert wallet["why"].split(".")[0][:40] in table
    assert "promises nothing" in table
    assert as_json["reused"] == 2


def test_two_forms_at_once_are_refused() -> None:
    assert CliRunner().invoke(app, ["discover", "--json", "--csv"]).exit_code == 2
