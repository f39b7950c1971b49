"""A process's part in all buying, turn by turn: who takes which shards, gives them back, and what ends it."""

import threading
from typing import Any, cast

import pytest
from redis import Redis

from buyer.config import parse_args
from buyer.consumer import SignalConsumer
from buyer.decision_counter import DecisionCounter
from buyer.domain.token_shard import TokenShard
from buyer.shard_supervisor import ShardSupervisor
from buyer.sharding.shard_count import ShardCount
from buyer.sharding.shard_leases import LAYOUT, shard_holders
from shared.clock import ManualClock
from shared.domain.errors import BadConfig, Fenced, RefusedForSafety
from shared.messages.signals import ActionableSignal
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from shared.redis.partitioning import Partitioning
from tests.buyer.builders import TOKEN, a_signal
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.server

OF = 4
SHARDS = [TokenShard(number, OF) for number in range(OF)]


class Part:
    """A shard's buyer that works until it is told to stop, or is made to fail or hang."""

    def __init__(self, shard: TokenShard) -> None:
        self.shard, self.counter = shard, DecisionCounter()
        self.counter.counts["BUY"] += 1
        self.submitted: list[ActionableSignal] = []
        self.failure: Exception | None = None
        self._woken = threading.Event()

    def consume(self, stop: threading.Event) -> None:
        while not (stop.is_set() or self.failure):
            self._woken.wait(0.005)
        if self.failure:
            raise self.failure

    def submit(self, signal: ActionableSignal) -> None:
        self.submitted.append(signal)

    def ready(self) -> bool:
        return True

    def figures(self) -> dict[str, Any]:
        return {"decisions": dict(self.counter.counts), "signals_lost": 1, "exits": {"under_way": 0}}


class Member:
    """A process of the crew, moved by hand."""

    def __init__(self, redis: Redis, name: str, of: int = OF) -> None:
        self.clock, self.stop, self.parts = ManualClock(), threading.Event(), dict[int, Part]()
        self.layout = ShardCount(redis, of, clock=self.clock, patience_s=1, halt=lambda _: None)
        self.layout.ensure()
        self.leases = {
            shard: Lease(redis, shard.lease("paper"), name, clock=self.clock, only_while=self.layout.condition)
            for shard in (TokenShard(number, of) for number in range(of))
        }
        shares = Partitioning(redis, "buyers:paper", name, ttl_s=60, version_key=LAYOUT)
        self.buyer = ShardSupervisor(
            self.layout, shares, self.leases, self.open, lambda: {"books_warm": 2}, clock=self.clock, lease_s=10
        )

    def open(self, shard: TokenShard, lease: Lease) -> SignalConsumer:
        assert lease.token
        self.parts[shard.number] = Part(shard)
        return cast("SignalConsumer", self.parts[shard.number])

    def turn(self) -> list[int]:
        """Make a turn, let what was given back come to its end, and return what is held."""
        self.buyer._balance_once(self.stop)
        for held in self.buyer._held_now():
            if held.leaving and held.thread:
                held.thread.join(PATIENCE_S)
        self.buyer._reap()
        return self.held()

    def held(self) -> list[int]:
        return self.buyer.snapshot()["shards"]

    def leave(self) -> None:
        self.buyer._end()


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


def test_one_alone_holds_all_and_a_newcomer_gets_its_share(redis: Redis) -> None:
    one, two = Member(redis, "a"), Member(redis, "b")
    assert one.turn() == [0, 1, 2, 3]
    assert two.turn() == []

    one.turn()

    assert (one.held(), two.turn()) == ([0, 1], [2, 3])
    assert shard_holders(redis, "paper") == {"0/4": "a", "1/4": "a", "2/4": "b", "3/4": "b"}
    assert (one.turn(), two.turn()) == ([0, 1], [2, 3])
    one.leave()
    two.leave()
    assert set(shard_holders(redis, "paper").values()) == {""}


def test_who_stops_leaves_its_shards_to_the_others_at_once(redis: Redis) -> None:
    one, two = Member(redis, "a"), Member(redis, "b")
    for member in (one, two, one, two):
        member.turn()

    one.leave()

    assert two.turn() == [0, 1, 2, 3]
    assert not one.buyer.ready()
    two.leave()


def test_a_third_of_two_shards_stands_by_and_is_not_ready(redis: Redis) -> None:
    crew = [Member(redis, name, of=2) for name in "abc"]
    for _ in range(3):
        for member in crew:
            member.turn()

    assert sorted(len(member.held()) for member in crew) == [0, 1, 1]
    assert sorted(member.buyer.ready() for member in crew) == [False, True, True]
    for member in crew:
        member.leave()


def test_who_starts_again_has_its_own_shards_back_at_once(redis: Redis) -> None:
    one, two = Member(redis, "a"), Member(redis, "b")
    for member in (one, two, one, two):
        member.turn()
    again = Member(redis, "a")

    again.buyer._reopen_own(again.stop)

    assert again.held() == [0, 1]
    for member in (one, two, again):
        member.leave()


def test_who_hangs_does_not_say_that_it_lives_and_is_not_ready(redis: Redis) -> None:
    one = Member(redis, "a")
    one.turn()
    alive_until = redis.zscore("hs:buyers:paper:members", "a")
    one.clock.advance(11)
    threading.Event().wait(0.005)

    one.turn()

    assert alive_until is not None
    assert redis.zscore("hs:buyers:paper:members", "a") == alive_until
    one.leave()


def test_a_shard_that_fails_ends_the_process_and_frees_the_others(redis: Redis) -> None:
    one, two = Member(redis, "a"), Member(redis, "b")
    ended: list[BaseException] = []

    def run() -> None:
        try:
            one.buyer.run(one.stop)
        except Fenced as error:
            ended.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    while len(one.parts) < OF:
        threading.Event().wait(0.005)
    one.parts[2].failure = Fenced("somebody took it")
    thread.join(PATIENCE_S)

    assert [str(error) for error in ended] == ["somebody took it"]
    assert two.turn() == [0, 1, 2, 3]
    two.leave()


def test_a_signal_of_the_same_process_goes_to_its_shard_only(redis: Redis) -> None:
    one = Member(redis, "a")
    one.turn()

    one.buyer.submit(a_signal())

    assert [len(one.parts[shard.number].submitted) for shard in SHARDS] == [shard.owns(TOKEN) for shard in SHARDS]
    one.leave()


def test_what_was_counted_in_a_shard_that_was_given_back_still_counts(redis: Redis) -> None:
    one, two = Member(redis, "a"), Member(redis, "b")
    one.turn()
    before = one.buyer.snapshot()
    two.turn()
    one.turn()

    after = one.buyer.snapshot()

    assert (before["decisions"], after["decisions"]) == ({"BUY": 4}, {"BUY": 4})
    assert (before["shards"], after["shards"], after["shards_of"]) == ([0, 1, 2, 3], [0, 1], OF)
    assert after["prices"] == {"books_warm": 2}
    one.leave()


def test_other_numbers_of_shards_are_refused_at_the_start(redis: Redis) -> None:
    one = Member(redis, "a")
    one.turn()

    other = ShardCount(redis, 2, clock=ManualClock(), patience_s=1, halt=lambda _: None)

    with pytest.raises(RefusedForSafety, match="stop every buyer before you change it"):
        other.claim(threading.Event())
    one.leave()


def test_s8_a_pipe_is_not_split() -> None:
    with pytest.raises(BadConfig, match="a pipe has one reader"):
        parse_args(["--stdin", "--buyer-shards", "2"])
