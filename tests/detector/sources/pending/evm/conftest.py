"""Each exchange once for all tests, where anvil and its compiled contracts are at hand."""

from collections.abc import Iterator

import pytest

from simulator.exchange.wallet_types import NAMES
from tests.detector.sources.pending.evm.polygon_rig import PolygonRig
from tests.detector.sources.pending.evm.venues import VENUES, Venue, missing
from tests.detector.sources.pending.match_builder import Wallet
from tests.redeemer.evm.anvil import anvil, running

TRADERS = tuple(Wallet(1001 + number, kind) for number, kind in enumerate([*NAMES.values()] * 2))
"""Two wallets of each of the four types."""


@pytest.fixture(scope="session", params=list(VENUES))
def venue(request: pytest.FixtureRequest) -> Iterator[Venue]:
    """Build one of the exchanges with traders who may trade on it."""
    if not anvil():
        pytest.skip("needs anvil: npm install @foundry-rs/anvil, or ANVIL with the path of its binary")
    if lacks := missing(request.param):
        pytest.skip(f"needs HYBRID_EVM_ARTIFACTS, a folder with {', '.join(each + '.json' for each in lacks)}")
    with running() as node:
        built = VENUES[request.param](PolygonRig(node))
        built.admit(TRADERS)
        yield built
