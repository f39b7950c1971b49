"""A buy that waits for its permission is not followed once its leader sold."""

import pytest

from buyer.execution.buy_gate import OVERTAKEN, BuyGate
from shared.messages.base import SIGNALS
from shared.redis.streams import publish_event
from tests.buyer.builders import NOW_MS, a_signal
from tests.buyer.consumer_rig import Rig, a_hash

pytestmark = pytest.mark.server


class Away:
    """A permission that waits for the venue until it is there."""

    word = "region"

    def waits_for(self) -> str:
        return self.word


def gated_rig(url: str, permission: Away) -> Rig:
    """Return a rig whose buys wait while the permission has no answer."""
    rig = Rig(url)
    gate = BuyGate(rig.clock, lambda _: 60.0, permission)
    rig.journal.buy_through(gate)
    rig.service._handler._gate = gate
    return rig


@pytest.mark.pitfall(45)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_buy_whose_leader_sold_while_it_waited_is_never_followed_after_a_restart_either(
    valkey_url: str, *, restarted: bool
) -> None:
    permission = Away()
    rig = gated_rig(valkey_url, permission)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1), traded_at_ms=NOW_MS - 1000))
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2), side="SELL", traded_at_ms=NOW_MS - 500))
    rig.run_until(lambda: len(rig.decisions()) == 2)
    if restarted:
        rig = gated_rig(valkey_url, permission)

    permission.word = ""
    rig.run_until(rig.settled)

    assert sorted(decision.reason for decision in rig.decisions()) == [OVERTAKEN, "lot_held"]
    assert rig.venue.placed == []
