"""A wallet of ours is no leader."""

import pytest

from ops.operator.leaders import add
from shared.clock import ManualClock
from shared.domain.errors import BadConfig
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import followed_leaders
from shared.redis.pipeline_record import note_own, note_wallet

pytestmark = pytest.mark.server
OURS, OTHER, LEADER = ("0x" + digits * 20 for digits in ("0a", "0b", "0c"))


@pytest.mark.pitfall(44)
def test_a_wallet_that_a_buyer_noted_as_ours_cannot_be_followed(valkey_url: str) -> None:
    redis, clock = connect_redis(valkey_url), ManualClock(1)
    note_own(redis, [OURS.upper().replace("0X", "0x")])
    note_wallet(redis, "live", OTHER)

    for wallet in (OURS, OTHER):
        with pytest.raises(BadConfig, match="a wallet of yours"):
            add(redis, wallet, "", clock)

    assert add(redis, LEADER, "", clock)
    assert set(followed_leaders(redis)) == {LEADER}
