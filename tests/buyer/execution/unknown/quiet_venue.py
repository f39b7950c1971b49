"""A live buyer driven by hand, at a local venue where nobody else trades."""

from collections.abc import Iterator

import pytest

from simulator import ManualClock, Settings, WallClock, serve
from tests.buyer.execution.unknown.hand_driven import HandDriven

TEN_MINUTES_S = 600.0


@pytest.fixture
def buyer() -> Iterator[HandDriven]:
    quiet = Settings(fills_per_minute=0, resolve_after_s=1_000_000, limits=False)
    with serve(quiet, ManualClock(WallClock().now_ms())) as sim:
        yield HandDriven(sim)
