"""Whoever reaches the server can write a signal: only a leader whom somebody follows is bought after (pitfall 49)."""

import pytest
from redis import Redis

from buyer.execution.buy_gate import NOT_FOLLOWED, BuyGate
from buyer.leader_check import REFRESH_S, LeaderCheck
from shared.clock import ManualClock
from shared.ledger.port import open_lots
from shared.messages.base import SIGNALS
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import DETECTORS, FollowedLeader, Unfollowed, follow_leader, unfollow_leader
from shared.redis.partitioning import Partitioning
from shared.redis.streams import publish_event
from tests.amounts import D
from tests.buyer.builders import LEADER, a_signal
from tests.buyer.consumer_rig import Rig, a_hash

pytestmark = [pytest.mark.server, pytest.mark.pitfall(49)]

NOBODY = "0x" + "66" * 20


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def check(redis: Redis, *own: str, trust_server: bool = True) -> LeaderCheck:
    return LeaderCheck(redis, own, clock=ManualClock(), trust_server=trust_server)


def a_buy(leader: str = LEADER) -> ActionableSignal:
    return a_signal(leader=leader, tx_hash=a_hash(1))


def test_the_buy_of_a_wallet_that_nobody_follows_is_refused_with_its_value(redis: Redis) -> None:
    follow_leader(redis, LEADER, FollowedLeader())

    refusal = check(redis).refusal(a_buy(NOBODY))

    assert refusal is not None
    assert (refusal.rule, refusal.passed, refusal.value) == (NOT_FOLLOWED, False, NOBODY)
    assert refusal.limit == "one of 1 that TRACKED_WALLETS, hybrid follow or a detector names"


def test_who_is_followed_is_told_by_our_own_settings_the_server_or_a_detector(redis: Redis) -> None:
    shares = Partitioning(redis, DETECTORS, "detector-0", ttl_s=60, version_key="v")
    shares.beat(shares.bring([NOBODY]))
    follow_leader(redis, "0x" + "77" * 20, FollowedLeader())
    leaders = check(redis, LEADER)

    assert [leaders.refusal(a_buy(name)) for name in (LEADER, NOBODY, "0x" + "77" * 20)] == [None] * 3


def test_a_server_that_is_not_trusted_adds_nobody(redis: Redis) -> None:
    follow_leader(redis, NOBODY, FollowedLeader())
    leaders = check(redis, LEADER, trust_server=False)

    assert leaders.refusal(a_buy()) is None
    assert leaders.refusal(a_buy(NOBODY)) is not None


def test_a_leader_followed_this_moment_is_not_refused_and_one_let_go_is_within_seconds(redis: Redis) -> None:
    clock = ManualClock()
    leaders = LeaderCheck(redis, (LEADER,), clock=clock)
    leaders.refresh()
    follow_leader(redis, NOBODY, FollowedLeader())
    assert leaders.refusal(a_buy(NOBODY)) is None

    unfollow_leader(redis, LEADER, Unfollowed())
    clock.advance(REFRESH_S)
    leaders.refresh()

    assert leaders.refusal(a_buy()) is not None


def test_sells_are_not_asked_about_for_they_only_end_lots_of_ours(redis: Redis) -> None:
    assert check(redis).refusal(a_signal(side="SELL", leader=NOBODY)) is None


def test_a_forged_entry_is_concluded_once_and_the_stream_goes_on(valkey_url: str) -> None:
    rig = Rig(valkey_url)
    rig.service._gate._leaders = LeaderCheck(rig.redis, (LEADER,), clock=rig.clock)
    publish_event(rig.redis, SIGNALS, a_signal(id="forged", leader=NOBODY, tx_hash=a_hash(1)))
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))

    rig.run_until(lambda: len(rig.decisions()) == 2 and rig.settled())

    forged, real = sorted(rig.decisions(), key=lambda decision: decision.verdict, reverse=True)
    assert (forged.signal_id, forged.verdict, forged.reason) == ("forged", "SKIP", NOT_FOLLOWED)
    assert [rule.value for rule in forged.rules] == [NOBODY]
    assert real.verdict == "BUY"
    assert [lot.leader for lot in open_lots(rig.ledger)] == [LEADER]


def test_a_gate_without_leaders_refuses_nobody() -> None:
    gate = BuyGate(ManualClock(), lambda _: 60.0)

    gate.refresh()

    assert gate.refusal(a_signal(usdc=D(1))) is None
