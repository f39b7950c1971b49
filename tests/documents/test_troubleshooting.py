"""Every error that waits for a person is a heading of the troubleshooting page, with advice below it."""

import re
from itertools import pairwise

import pytest

from tests.documents.error_texts import ROOT, error_texts

PAGE = ROOT / "docs" / "guide" / "troubleshooting.md"


def advice() -> dict[str, str]:
    """Return heading -> the text below it."""
    parts = re.split(r"(?m)^### (.+)$", PAGE.read_text(encoding="utf-8"))
    return {heading.strip(): text.strip() for heading, text in list(pairwise(parts[1:]))[::2]}


@pytest.mark.slow
def test_every_error_text_is_a_heading_and_every_heading_an_error_text() -> None:
    assert advice().keys() == error_texts().keys()


def test_each_heading_has_advice_of_its_own() -> None:
    assert [heading for heading, text in advice().items() if len(text.split("\n## ")[0].strip()) < 20] == []
