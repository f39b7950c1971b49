"""One town for all tests of a worker process; each begins at the moment after everything was deployed."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.redeemer.evm.town import Town


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder alone where its marker is ruled out: importing an EVM takes a second."""
    del collection_path
    return True if "not evm" in str(config.getoption("markexpr")) else None


@pytest.fixture(scope="session")
def _built() -> "Town":
    from tests.redeemer.evm.town import Town  # noqa: PLC0415 - heavy, and only where it is asked for

    town = Town()
    town.approve(town.signer.address)
    town.approve(town.safe)
    return town


@pytest.fixture
def town(_built: "Town") -> Iterator["Town"]:
    """Give the venue on a real EVM, as it was deployed."""
    before = _built.node.tester.take_snapshot()
    _built.node.asked, _built.markets = [], 0
    yield _built
    _built.node.tester.revert_to_snapshot(before)
    _built.node.away = _built.node.forgets = _built.node.lags = _built.node.holding = False
    _built.node.held = []
