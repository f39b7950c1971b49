"""The table of attacks: what it says of a run, and one attack from end to end."""

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import adversary
from benchmarks.rigs.adversary.history_cost import PROTECTIONS
from benchmarks.rigs.adversary.run import Outcome
from benchmarks.rigs.adversary.scenario import Scenario, is_there
from benchmarks.rigs.adversary.scenarios import SCENARIOS
from benchmarks.rigs.adversary.stage import Stage
from shared.domain.money import to_micro

PITFALLS = Path(__file__).parents[2] / "docs" / "pitfalls.md"


def nothing(_: Stage) -> None:
    """Attack nobody."""


def a_scenario(**changes: object) -> Scenario:
    known = {"name": "a", "pitfall": 39, "play": nothing, "bound": "1", "why": "a fee", "off": {"MAX_PRICE": "1"}}
    return Scenario(**{**known, **changes})  # pyright: ignore[reportArgumentType] - by name


def an_outcome(lost: str | None) -> Outcome:
    return Outcome(lost=None if lost is None else to_micro(lost), decisions={}, told=(), notes=(), seconds=1.0)


def test_each_scenario_is_named_once_and_belongs_to_a_pitfall_of_the_page() -> None:
    page = PITFALLS.read_text(encoding="utf-8")

    assert set(Counter(one.name for one in SCENARIOS).values()) == {1}
    assert [one.name for one in SCENARIOS if f"\n{one.pitfall}. " not in page] == []
    assert all(to_micro(one.bound) >= 0 and one.why for one in SCENARIOS)


def test_settings_that_are_given_in_both_runs_are_settings_of_ours_or_of_a_protection_to_come() -> None:
    known = {name for one in (*SCENARIOS, *PROTECTIONS) for name in map(str.upper, one.off)}

    assert [name for one in SCENARIOS for name in one.settings if not is_there(name) and name not in known] == []


@pytest.mark.parametrize(("lost", "holds"), [("1", True), ("-3", True), ("1.000001", False), (None, False)])
def test_what_counts_is_the_loss_with_the_protection_and_a_run_without_an_end_does_not_hold(
    lost: str | None, *, holds: bool
) -> None:
    row = adversary.judged(a_scenario(), an_outcome("50"), an_outcome(lost))

    assert row["holds"] is holds
    assert row["lost_without"] == "50"


def test_what_has_no_protection_yet_is_shown_with_its_loss_and_does_not_hold() -> None:
    scenario = a_scenario(off={"NO_SUCH_SETTING": "0"})

    row = adversary.judged(scenario, an_outcome("0.5"), None)

    assert (row["not_protected_yet"], row["lost_without"], row["holds"]) == (["NO_SUCH_SETTING"], "0.5", False)


def test_a_thing_of_ours_is_a_setting_a_module_or_a_name_in_one() -> None:
    found = ["MAX_PRICE", "buyer.config", "buyer.config:BuyerSettings.program"]

    assert all(map(is_there, found))
    assert not any(map(is_there, ["NO_SUCH", "buyer.nowhere", "buyer.config:Nobody", "buyer.config:BuyerSettings.no"]))


@pytest.mark.server
@pytest.mark.process
@pytest.mark.simulator
@pytest.mark.pitfall(49)
def test_forged_signals_cost_nothing_with_the_protection_and_money_without(capsys: pytest.CaptureFixture[str]) -> None:
    code = adversary.main(["--only", "forged entry"])

    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    (row,) = found["scenarios"]
    assert (code, row["failed"], row["lost_with"]) == (0, [], "0")
    assert float(row["lost_without"]) > 1
