"""An order that may stand is never concluded by something that cannot be read: the ledger is what the venue's record says."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest

from simulator import ManualClock, Settings, WallClock, serve
from tests.buyer.venue.hand_driven import HandDriven

pytestmark = [pytest.mark.simulator, pytest.mark.pitfall(33)]

TEN_MINUTES_S = 600.0


@dataclass(frozen=True)
class Trouble:
    """What a request meets: the venue's fault and its parameters."""

    fault: str
    status: int | None = None

    @property
    def params(self) -> dict[str, float]:
        if self.fault == "lost_answer":
            return {"seconds": 0.0}
        return {} if self.status is None else {"status": self.status}


TROUBLES = {
    "answer lost": Trouble("lost_answer"),
    "truncated": Trouble("truncated"),
    "400": Trouble("http_5xx", 400),
    "429": Trouble("http_429"),
    "500": Trouble("http_5xx", 500),
    "blank numbers": Trouble("blank_numbers"),
}
HOW_LONG: dict[str, dict[str, float]] = {
    "once": {"count": 1},
    "four times": {"count": 4},
    "for ten minutes": {"seconds": TEN_MINUTES_S},
}


@pytest.fixture
def buyer() -> Iterator[HandDriven]:
    quiet = Settings(fills_per_minute=0, resolve_after_s=1_000_000, limits=False)
    with serve(quiet, ManualClock(WallClock().now_ms())) as sim:
        yield HandDriven(sim)


def look_ups_meet(buyer: HandDriven, trouble: Trouble, lasts: dict[str, float]) -> None:
    """Trouble whatever asks for an order or for trades; blank numbers are those of a trade that takes its time."""
    if trouble.fault == "blank_numbers":
        buyer.sim.fault("settlement_retry", "clob", count=1, params={"seconds": lasts.get("seconds", 20)})
    buyer.sim.fault(trouble.fault, "clob", route="/data", params=trouble.params, **lasts)


@pytest.mark.parametrize(("name", "lasts", "restarted"), list(product(TROUBLES, HOW_LONG, [False, True])))
def test_a_filled_order_whose_answer_is_lost_ends_as_its_lot_whatever_its_look_ups_meet(
    buyer: HandDriven, name: str, lasts: str, *, restarted: bool
) -> None:
    buyer.sim.fault("lost_answer", "clob", route="/order", count=1, params={"seconds": 0.0})
    look_ups_meet(buyer, TROUBLES[name], HOW_LONG[lasts])
    buyer.publish()

    buyer.run(3)
    if restarted:
        buyer.restart()
    buyer.run(HOW_LONG[lasts].get("seconds", 0) + 180, 2)

    (order,) = buyer.orders()
    assert order["posts"] == 1
    assert buyer.held() == {buyer.tokens[0]: order["matched_shares_micro"]}
    assert [decision.verdict for decision in buyer.told] == ["BUY"]
    buyer.agrees()
