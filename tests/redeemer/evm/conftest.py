"""One evm for all tests of a worker process; each begins at the moment after everything was deployed.

Where anvil is installed every test of the evm runs twice: on py-evm, and on anvil (`anvil.py` says how to have it).
"""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.redeemer.evm.evm_fixture import EvmFixture


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave this folder alone where its marker is ruled out: importing an EVM takes a second."""
    del collection_path
    return True if "not evm" in str(config.getoption("markexpr")) else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Name the chains that are here."""
    from tests.redeemer.evm.anvil import anvil  # noqa: PLC0415 - heavy, and only where it is asked for

    if "_built" in metafunc.fixturenames:
        metafunc.parametrize("_built", ["py-evm", "anvil"] if anvil() else ["py-evm"], indirect=True, scope="session")


@pytest.fixture(scope="session")
def _built(request: pytest.FixtureRequest) -> Iterator["EvmFixture"]:
    from tests.redeemer.evm.anvil import running  # noqa: PLC0415 - heavy, and only where it is asked for
    from tests.redeemer.evm.evm_fixture import EvmFixture  # noqa: PLC0415 - as above

    with running() if request.param == "anvil" else nullcontext() as node:
        evm = EvmFixture(node)
        evm.approve(evm.signer.address)
        evm.approve(evm.safe)
        yield evm


@pytest.fixture
def evm(_built: "EvmFixture") -> Iterator["EvmFixture"]:
    """Give the venue on a real EVM, as it was deployed."""
    before = _built.node.tester.take_snapshot()
    _built.node.asked, _built.markets = [], 0
    yield _built
    _built.node.tester.revert_to_snapshot(before)
    _built.node.away = _built.node.forgets = _built.node.lags = _built.node.holding = False
    _built.node.held, _built.node.heavier = [], 1
