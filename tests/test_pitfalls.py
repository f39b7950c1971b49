"""Each numbered failure of `docs/pitfalls.md` has a test that keeps it from coming back, or a reason why not yet."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "pitfalls.md").read_text(encoding="utf-8")


def numbered() -> set[int]:
    return {int(number) for number in re.findall(r"^(\d+)\. ", PAGE, re.MULTILINE)}


def reasons(heading: str) -> dict[int, str]:
    """Return the numbers in the table below `heading`, each with its reason."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+) \|(.*)\|$", section, re.MULTILINE)
    return {int(number): reason.strip() for number, reason in rows}


def excused() -> dict[int, str]:
    return reasons("Without a test yet")


@cache
def carried() -> set[int]:
    """Return the numbers that some test carries as its marker."""
    return {number for file in (ROOT / "tests").rglob("test_*.py") for number in marked_in(file)}


def marked_in(file: Path) -> set[int]:
    text = file.read_text(encoding="utf-8")
    nodes = ast.walk(ast.parse(text)) if "pitfall(" in text else ()
    calls = (node for node in nodes if isinstance(node, ast.Call))
    return {
        argument.value
        for call in calls
        if isinstance(call.func, ast.Attribute) and call.func.attr == "pitfall"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, int)
    }


@pytest.mark.slow
def test_every_number_has_a_test_or_a_reason() -> None:
    assert sorted(numbered() - carried() - excused().keys()) == []


def test_no_reason_is_left_where_a_test_is_or_empty() -> None:
    assert sorted(number for number, reason in excused().items() if number in carried() or not reason) == []


def test_what_is_kept_in_part_has_a_test_and_says_what_is_open() -> None:
    part = reasons("Kept in part")

    assert sorted(number for number, reason in part.items() if number not in carried() or not reason) == []


def test_no_test_names_a_number_that_the_page_does_not_have() -> None:
    assert sorted(carried() - numbered()) == []
