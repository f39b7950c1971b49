"""Every captured payload is something the simulator can produce, or an exception with a name."""

import re
from pathlib import Path

import pytest

from benchmarks.rigs.captures.compare import Difference, differences
from benchmarks.rigs.captures.exceptions import RULES, reason_for
from benchmarks.rigs.captures.forms import forms_of
from benchmarks.rigs.captures.legs import OF_THE_REFERENCE, captured_legs, ways
from benchmarks.rigs.captures.produced import produced
from benchmarks.rigs.captures.replayed import unserved


@pytest.fixture(scope="module")
def found(real_data: Path) -> list[Difference]:
    return differences(real_data, produced())


@pytest.mark.simulator
@pytest.mark.sdk
@pytest.mark.real_data
@pytest.mark.takes(13)
def test_no_captured_form_is_missing_without_a_reason(found: list[Difference]) -> None:
    assert [(each.file, each.path, each.form, each.produced) for each in found if not each.reason] == []


@pytest.mark.simulator
@pytest.mark.sdk
@pytest.mark.real_data
def test_each_exception_explains_something(found: list[Difference]) -> None:
    idle = [rule for rule in RULES if not any(_fits(rule, each) for each in found)]

    assert idle == []


@pytest.mark.simulator
@pytest.mark.real_data
@pytest.mark.parametrize("name", ["all_types", "one_page_500"])
def test_captured_rows_of_every_type_are_served_again(real_data: Path, name: str) -> None:
    rows, lost = unserved(real_data / "activity_v1" / f"{name}.json")

    assert rows >= 50
    assert lost == 0


@pytest.mark.real_data
def test_ten_of_ten_captured_buys_are_matched_again(real_data: Path) -> None:
    legs = captured_legs(real_data)

    assert [leg for leg in legs if not ways(leg)] == []
    assert len(legs) == 10


def test_a_dollar_at_48_cents_fills_whole() -> None:
    assert ways(OF_THE_REFERENCE) == {"bought"}


def test_forms_tell_texts_that_spell_numbers_times_and_lists() -> None:
    forms = forms_of({"price": "0.48", "at": "2026-11-30T08:00:00Z", "outcomes": '["Yes"]', "by": {"0xab": None}})

    assert forms == {
        "": {"object"},
        ".price": {"number text"},
        ".at": {"time text"},
        ".outcomes": {"JSON text"},
        ".outcomes<": {"list"},
        ".outcomes<[]": {"text"},
        ".by": {"object"},
        ".by.{id}": {"null"},
    }


def test_an_unknown_difference_has_no_reason() -> None:
    assert reason_for("clob_book_response", ".bids") == ""


def _fits(rule: tuple[str, str, str], difference: Difference) -> bool:
    files, paths, _ = rule
    return bool(re.fullmatch(files, difference.file) and re.fullmatch(paths, difference.path))
