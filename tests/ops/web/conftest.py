"""The dashboard that most tests ask."""

from pathlib import Path

import pytest

from tests.ops.web.web_rig import WebRig


@pytest.fixture
def web(valkey_url: str, tmp_path: Path) -> WebRig:
    """Give a dashboard of an empty pipeline that announced itself; nobody is logged in."""
    return WebRig(valkey_url, tmp_path)


@pytest.fixture
def desk(web: WebRig) -> WebRig:
    """Give the same with an operator logged in."""
    web.log_in()
    return web
