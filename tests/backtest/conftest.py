"""A real browser for the pages."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from backtest.report import png_export


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Give the system's Chromium, or skip and say why; a module's own, since its event loop bars every other's."""
    path = next(filter(None, map(shutil.which, png_export.BROWSERS)), None)
    if path is None:
        pytest.skip(f"no Chromium: none of {', '.join(png_export.BROWSERS)} is on the PATH")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where there is a browser

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path)
        yield chromium
        chromium.close()
