"""One lot can be sold or written off by a person's word, and the lots of who is unfollowed are not forgotten."""

from typing import Any

import pytest
from redis import Redis

from detector.leaders.leader_assignment import _with_lots
from ops.operator import leaders, lots
from shared.clock import ManualClock
from shared.domain.errors import BadConfig
from shared.domain.ledger_accounts import Lot, sells_only_account
from shared.domain.ledger_write import LedgerRecord, LedgerWrite
from shared.domain.record_kinds import INTENTS
from shared.ledger.port import lot_record, open_lots
from shared.ledger.redis_ledger import RedisLedger
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import FollowedLeader, follow_leader, unfollowed
from tests.buyer.builders import CONDITION, LEADER, NOW_MS, TOKEN

pytestmark = pytest.mark.server
OTHER = "0x" + "b2" * 20


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    redis = connect_redis(valkey_url)
    redis.flushall()
    return redis


def hold(redis: Redis, leader: str = LEADER, token: str = TOKEN) -> Lot:
    """Put a lot of ten shares that cost 5 into the paper ledger."""
    lot = Lot(leader, token, CONDITION, 0, "Will it?", 10_000_000, 5_000_000, "77", "", NOW_MS, 100_000_000)
    amounts = {"shares": lot.shares, "cost": lot.cost, "behind": lot.behind}
    postings = [(f"{name}:{lot.key}", amount) for name, amount in amounts.items()]
    exposed = [(name, lot.cost) for name in (f"market:{CONDITION}", "event:77", f"leader:{leader}", "total")]
    write = LedgerWrite(id=f"hold:{lot.key}", postings=(*postings, *exposed), records=(lot_record(lot),))
    RedisLedger(redis, "paper").commit(write)
    return lot


def test_a_lot_is_named_by_as_much_of_it_as_names_no_other(redis: Redis) -> None:
    lot = hold(redis)
    hold(redis, OTHER, "987654")

    assert lots.find_lot(redis, "paper", TOKEN[:7]).key == lot.key
    assert lots.find_lot(redis, "paper", LEADER).key == lot.key
    for named, says in (("0x", "several lots"), ("0xdeadbeef", "no open lot")):
        with pytest.raises(BadConfig, match=says):
            lots.find_lot(redis, "paper", named)


def test_a_lot_that_is_written_off_leaves_nothing_behind_but_its_loss(redis: Redis) -> None:
    lot = hold(redis)

    said = lots.write_off(redis, "paper", lot, "worthless", NOW_MS)

    ledger = RedisLedger(redis, "paper")
    values = {name: value for name, value in ledger.accounts().values.items() if value}
    assert "is written off: 10 shares that cost 5" in said
    assert open_lots(ledger) == []
    assert values == {"realized": -5_000_000, f"realized:{LEADER}": -5_000_000, "pnl:20260921": -5_000_000}
    (note,) = ledger.records("written_off").values()
    assert "worthless" in note


def test_a_lot_with_an_order_under_way_is_not_written_off(redis: Redis) -> None:
    lot = hold(redis)
    record = LedgerRecord(INTENTS, "s", f'{{"token_id": "{TOKEN}"}}')
    RedisLedger(redis, "paper").commit(LedgerWrite(id="i", records=(record,)))

    with pytest.raises(BadConfig, match="under way"):
        lots.write_off(redis, "paper", lot, "worthless", NOW_MS)


@pytest.mark.parametrize("text", ["1", "-0.1", "cheap", "nan"])
def test_a_typed_floor_is_a_price(text: str) -> None:
    with pytest.raises(BadConfig, match="--floor"):
        lots.read_floor(text)


@pytest.mark.parametrize(
    ("after", "watched", "sales"), [("mirror", {LEADER}, 0), ("sell", {LEADER}, 1), ("keep", set[str](), 0)]
)
def test_who_is_unfollowed_is_watched_until_our_lots_are_gone(
    redis: Redis, after: Any, watched: set[str], sales: int
) -> None:
    lot, clock = hold(redis), ManualClock(NOW_MS)
    follow_leader(redis, LEADER, FollowedLeader())

    leaders.remove(redis, LEADER, clock, after)

    def still_watched() -> frozenset[str]:
        return _with_lots(redis, (name for name, each in unfollowed(redis).items() if each.exits_only))

    ledger = RedisLedger(redis, "paper")
    assert still_watched() == watched
    assert len(ledger.records("sales")) == sales
    assert ledger.accounts().values[sells_only_account(LEADER)] == 1
    lots.write_off(redis, "paper", lot, "gone", NOW_MS)
    assert still_watched() == frozenset()


def test_who_is_followed_again_is_bought_after_again(redis: Redis) -> None:
    clock = ManualClock(NOW_MS)
    follow_leader(redis, LEADER, FollowedLeader())
    leaders.remove(redis, LEADER, clock)

    leaders.add(redis, LEADER, "", clock)

    assert not RedisLedger(redis, "paper").accounts().values.get(sells_only_account(LEADER))
