"""Live, a leader who is back waits behind his sell of the lot that waits for our order; another leader does not."""

import queue
from collections.abc import Callable
from typing import Literal

import pytest

from shared.messages.base import SIGNALS
from shared.redis.streams import publish_event
from tests.buyer.builders import a_signal
from tests.buyer.consumer_rig import Rig, a_hash

pytestmark = pytest.mark.server


def later(turns: int) -> Callable[[], bool]:
    """Return what says that this many looks were made: nothing is left that the buyer could do meanwhile."""
    left = iter(range(turns))
    return lambda: next(left, None) is None


@pytest.mark.pitfall(45)
@pytest.mark.parametrize("by_callback", [False, True])
def test_a_leader_who_is_back_does_not_overtake_his_sell_that_waits_for_our_order(
    valkey_url: str, *, by_callback: bool
) -> None:
    rig = Rig(valkey_url, mode="live", inbox=queue.Queue() if by_callback else None)
    rig.prices.clock = rig.clock

    def trade(number: int, side: Literal["BUY", "SELL"]) -> None:
        signal = a_signal(tx_hash=a_hash(number), side=side)
        if by_callback:
            rig.service.submit(signal)
        publish_event(rig.redis, SIGNALS, signal)

    trade(1, "BUY")
    rig.run_until(lambda: len(rig.decisions()) == 1)
    trade(2, "SELL")
    trade(3, "BUY")
    rig.run_until(later(10))
    before_it_settled = len(rig.decisions())
    rig.settle()
    rig.run_until(lambda: len(rig.decisions()) == 3 and rig.settled())

    assert before_it_settled == 1
    assert [decision.verdict for decision in rig.decisions()] == ["BUY", "SELL", "SKIP"]
    assert rig.decisions()[2].reason == "not_leaving"


def test_another_leader_of_the_token_does_not_wait_for_a_sell_that_waits(valkey_url: str) -> None:
    rig = Rig(valkey_url, mode="live")
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2), side="SELL"))
    other = a_signal(tx_hash=a_hash(3), leader="0x" + "b2" * 20)
    publish_event(rig.redis, SIGNALS, other)

    rig.run_until(lambda: len(rig.decisions()) == 2)

    assert rig.decisions()[1].signal_id == other.id
