"""An emptied server stops all buying, whichever shard notices first."""

import json
import threading
from typing import Any, cast

import pytest
from redis import Redis

from buyer.domain.token_shard import TokenShard
from buyer.sharding.shard_count import EMPTIED
from buyer.sharding.shard_leases import LAYOUT
from shared.domain.errors import Emptied, Fenced, HybridError
from shared.ledger.redis_ledger import RedisLedger
from tests.buyer.sharding.shard_rigs import (
    OF,
    SHARDS,
    a_layout,
    a_lease,
    a_rig,
    decided,
    ids,
    publish_all,
    signals,
    stops_buying,
)

pytestmark = pytest.mark.server


@pytest.mark.pitfall(31)
def test_an_emptied_server_halts_whichever_shard_notices_first(valkey_url: str, redis: Redis) -> None:
    layout = a_layout(redis, OF)
    layout.ensure()
    rigs = [a_rig(valkey_url, shard, layout=layout) for shard in SHARDS]
    for rig in rigs:
        rig.run_until(rig.service.ready)
    redis.flushall()
    publish_all(redis, signals(20))

    rigs[1].run_until(stops_buying(redis))
    for rig in rigs:
        rig.run_until(rig.settled)

    assert {decision.reason for decision in rigs[0].decisions()} == {"kill_switch"}
    assert decided(rigs[0]) == ids(signals(20))
    assert json.loads(RedisLedger(redis, "paper").records("controls")["kill_switch"])["why"] == EMPTIED


class Ended:
    """A settlement that has ended, with its reason."""

    def __init__(self, failure: HybridError) -> None:
        self.failure: HybridError | None = failure

    def run(self, stop: threading.Event) -> None:
        del stop

    def snapshot(self) -> dict[str, int]:
        return {}


@pytest.mark.pitfall(31)
def test_a_settlement_that_met_an_emptied_server_stops_buying_and_starts_again(valkey_url: str, redis: Redis) -> None:
    rig = a_rig(valkey_url, SHARDS[0])
    rig.service._settlement = cast("Any", Ended(Emptied("our lease is gone")))

    with pytest.raises(Fenced, match="orders are not followed any more: our lease is gone"):
        rig.run_until(lambda: False)

    assert stops_buying(redis)()


@pytest.mark.pitfall(31)
def test_nobody_takes_a_shard_of_an_emptied_server_before_buying_is_stopped(redis: Redis) -> None:
    layout = a_layout(redis, 2)
    layout.ensure()
    redis.flushall()

    assert a_lease(redis, layout, TokenShard(0, 2)).try_acquire() == f"{LAYOUT}="
    assert layout.restore()
    assert stops_buying(redis)()
    assert a_lease(redis, layout, TokenShard(0, 2)).try_acquire() == ""
