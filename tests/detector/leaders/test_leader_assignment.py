"""Whom to follow, and by whom: environment, file, `hybrid follow`; split over the detectors that live."""

import json
import threading
from pathlib import Path
from typing import Any, cast

import fakeredis
import pytest
from redis import Redis

from detector.leaders.leader_assignment import LeaderAssignment, LeadersFile
from detector.leaders.watchlist import Watchlist
from detector.polling.cursors import CursorStore
from ops.operator.account.leader_table import table
from ops.operator.leaders import add, checked, remove
from ops.research.proxy_wallets import resolve
from shared.clock import ManualClock, SystemClock
from shared.domain.errors import BadConfig
from shared.domain.ledger_accounts import lot_key, shares_account
from shared.messages.base import SIGNALS
from shared.messages.service import HybridProgress, HybridSummary
from shared.polymarket.data_api import ActivityV2
from shared.polymarket.polygon import PolygonClient
from shared.polymarket.wire.endpoints import CTF_EXCHANGE_V2
from shared.polymarket.wire.wallets import wallets_of
from shared.process.beats import BEATS
from shared.redis.followed_leaders import VERSION
from shared.redis.partitioning import Partitioning, owner_of
from shared.redis.streams import publish_event
from tests.detector.builders import LEADER, NOW_MS, NOW_S, OTHER
from tests.detector.fakes import FakeUpstream

MANY = tuple(f"0x{number:040x}" for number in range(1, 101))


class Detector:
    """One detector's assignment; each `turn` is a beat, without its thread."""

    def __init__(self, redis: Redis, name: str, *environment: str, file: Path | None = None) -> None:
        self.leaders, self.stop = Watchlist(environment), threading.Event()
        self.shares = Partitioning(redis, "detectors", name, ttl_s=60, version_key=VERSION)
        clock, read = ManualClock(NOW_MS), LeadersFile(file)
        self.assignment = LeaderAssignment(
            self.leaders,
            environment,
            read,
            self.shares,
            CursorStore(redis),
            clock=clock,
            stop=self.stop,
            every_s=1,
        )

    def beat_once(self) -> set[str]:
        self.assignment.beat_once()
        return set(self.leaders.addresses)


@pytest.fixture
def redis() -> Redis:
    return cast("Redis", fakeredis.FakeRedis(decode_responses=True))


def test_detectors_split_the_leaders_and_take_over_from_one_that_left(redis: Redis) -> None:
    one, two, three = (Detector(redis, name, *MANY) for name in ("one", "two", "three"))
    for each in (one, two, three):
        each.beat_once()

    parts = [each.beat_once() for each in (one, two, three)]
    two.shares.leave()
    after = [one.beat_once(), three.beat_once()]

    assert set().union(*parts) == set(MANY)
    assert sum(map(len, parts)) == len(MANY)
    assert min(map(len, parts)) > 15
    assert after[0] | after[1] == set(MANY)
    assert not after[0] & after[1]
    assert parts[0] <= after[0]


def test_what_only_one_detector_was_told_stays_with_it(redis: Redis) -> None:
    one, two = Detector(redis, "one", *MANY[:50]), Detector(redis, "two", *MANY[50:])
    one.beat_once()
    two.beat_once()

    assert (one.beat_once(), two.beat_once()) == (set(MANY[:50]), set(MANY[50:]))


def test_follow_and_unfollow_reach_every_detector_at_its_next_beat(redis: Redis) -> None:
    one = Detector(redis, "one", LEADER)
    assert one.beat_once() == {LEADER}

    assert add(redis, OTHER, "whale", ManualClock(NOW_MS))
    followed = one.beat_once()
    label, shown = one.assignment.label_of(OTHER), table(redis)
    remove(redis, OTHER, ManualClock(NOW_MS))

    assert followed == {LEADER, OTHER}
    assert label == shown[0].label == "whale"
    assert one.beat_once() == {LEADER}
    with pytest.raises(BadConfig, match="not followed"):
        remove(redis, OTHER, ManualClock(NOW_MS))


def test_a_file_of_leaders_is_read_again_when_it_changes(redis: Redis, tmp_path: Path) -> None:
    file = tmp_path / "leaders.txt"
    file.write_text(f"{LEADER} whale # the first\nnonsense\n")
    one = Detector(redis, "one", file=file)
    before, label = one.beat_once(), one.assignment.label_of(LEADER)

    file.write_text(f"{LEADER}\n{OTHER} second one\n")

    assert (before, label) == ({LEADER}, "whale")
    assert one.beat_once() == {LEADER, OTHER}


def test_losing_a_member_moves_only_its_items() -> None:
    before = {item: owner_of(item, ("a", "b", "c")) for item in MANY}
    after = {item: owner_of(item, ("a", "c")) for item in MANY}

    assert all(after[item] == owner for item, owner in before.items() if owner != "b")


def asked(*traders: str, code: str = "0x") -> tuple[ActivityV2, PolygonClient]:
    """Build a venue where `traders` traded and every address has `code`."""
    data = FakeUpstream(lambda ask: {"data": [{"timestamp": NOW_S}] if ask["user"] in traders else []})
    node = FakeUpstream(lambda _: {"result": code})
    return ActivityV2(data, ManualClock(NOW_MS)), PolygonClient(node)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType] - a fake


@pytest.mark.pitfall(5)
@pytest.mark.parametrize("kind", ["deposit wallet", "deposit wallet (earlier kind)", "Safe", "proxy wallet"])
def test_a_signer_is_resolved_to_the_wallet_that_trades(kind: str) -> None:
    wallet = wallets_of(LEADER)[kind]

    found = resolve(LEADER, *asked(wallet))

    assert found.address == wallet
    assert "signer" in found.note


@pytest.mark.pitfall(5)
def test_a_signer_without_a_wallet_is_refused_with_how_to_find_the_right_one() -> None:
    with pytest.raises(BadConfig, match="profile page"):
        resolve(LEADER, *asked())


def test_a_wallet_that_trades_is_taken_and_one_that_never_did_is_told() -> None:
    assert resolve(LEADER, *asked(LEADER)).note == ""
    assert "not traded yet" in resolve(LEADER, *asked(code="0x60")).note


@pytest.mark.parametrize(("given", "said"), [(CTF_EXCHANGE_V2, "exchange"), ("0x12", "no address")])
def test_the_venues_own_contracts_are_refused_by_name(given: str, said: str) -> None:
    with pytest.raises(BadConfig, match=said):
        checked(given)


def a_report(kind: type[HybridProgress] = HybridProgress, **changes: Any) -> HybridProgress:
    """Build what a detector said of itself now."""
    now_ms = SystemClock().now_ms()
    given: dict[str, Any] = {
        "id": str(now_ms),
        "emitted_at_ms": now_ms,
        "detector": "one",
        "runtime_ms": 1,
        "leaders": (LEADER,),
    }
    counts: dict[str, Any] = {
        "leaders": (LEADER,),
        "leader_count": 1,
        "signals": 0,
        "sightings": 0,
        "repeats": 0,
        "sources": (),
    }
    return kind(**{**given, **counts, **changes})


def states(redis: Redis) -> dict[str, str]:
    return {leader.address: leader.state for leader in table(redis)}


@pytest.mark.parametrize(
    ("last", "state"),
    [
        ("progress", "watched by one"),
        ("summary", "not watched"),
        ("old progress", "not watched"),
        ("unreadable", "watched by one"),
    ],
)
def test_leaders_follow_and_unfollow_work_whatever_a_detectors_last_event_was(
    redis: Redis, last: str, state: str
) -> None:
    publish_event(redis, SIGNALS, a_report())
    if last == "summary":
        publish_event(redis, SIGNALS, a_report(HybridSummary, reason="stopped"))
    if last == "old progress":
        publish_event(redis, SIGNALS, a_report(emitted_at_ms=NOW_MS))
    if last == "unreadable":
        redis.xadd(SIGNALS, {"event": "HYBRID_PROGRESS", "json": '{"event":"HYBRID_PROGRESS","leaders":3}'})
        redis.xadd(SIGNALS, {"event": "HYBRID_SUMMARY", "json": "not even JSON"})

    assert states(redis)[LEADER].startswith(state)
    assert add(redis, OTHER, "", ManualClock(NOW_MS))
    assert remove(redis, OTHER, ManualClock(NOW_MS)) == ""
    assert remove(redis, LEADER, ManualClock(NOW_MS)) == ""
    assert states(redis)[LEADER].startswith("not followed")


def test_a_leader_given_at_the_start_stays_unfollowed_over_restarts(redis: Redis, tmp_path: Path) -> None:
    file = tmp_path / "leaders.txt"
    file.write_text(f"{OTHER} whale\n")
    one = Detector(redis, "one", LEADER, file=file)
    assert one.beat_once() == {LEADER, OTHER}

    remove(redis, LEADER, ManualClock(NOW_MS))
    remove(redis, OTHER, ManualClock(NOW_MS))
    while_running, after_restart = one.beat_once(), Detector(redis, "one", LEADER, file=file).beat_once()

    one.shares.leave()
    assert (while_running, after_restart) == (set(), set())
    assert all(state.startswith("not followed: hybrid unfollow") for state in states(redis).values())
    with pytest.raises(BadConfig, match="not followed"):
        remove(redis, LEADER, ManualClock(NOW_MS))


def test_following_again_ends_an_unfollow_and_forgets_the_time_between(redis: Redis) -> None:
    one = Detector(redis, "one", LEADER)
    one.beat_once()
    redis.hset("hs:cursors", f"data_api:{LEADER}", "5")
    remove(redis, LEADER, ManualClock(NOW_MS))
    one.beat_once()

    assert add(redis, LEADER, "", ManualClock(NOW_MS))

    assert one.beat_once() == {LEADER}
    assert redis.hgetall("hs:cursors") == {}


def test_a_leader_that_a_dead_detector_reported_is_not_watched(redis: Redis) -> None:
    publish_event(redis, SIGNALS, a_report())
    redis.hset(BEATS, "one", '1 {"instance":"one","service":"detector"}')

    assert states(redis)[LEADER].startswith("not watched")


def test_unfollowing_says_which_lots_are_left_alone(redis: Redis) -> None:
    publish_event(redis, SIGNALS, a_report())
    lot = {"leader": LEADER, "token_id": "7", "condition_id": "0x1", "outcome_index": 0, "title": "Will it?"}
    redis.hset("hs:paper:lots", lot_key(LEADER, "7"), json.dumps(lot))
    redis.hset("hs:paper:accounts", shares_account(LEADER, "7"), "5000000")

    assert "open lots of it: 1" in remove(redis, LEADER, ManualClock(NOW_MS))


def test_who_was_only_followed_by_hand_is_gone_from_the_list_once_unfollowed(redis: Redis) -> None:
    one = Detector(redis, "one", LEADER)
    add(redis, OTHER, "", ManualClock(NOW_MS))
    one.beat_once()
    publish_event(redis, SIGNALS, a_report(leaders=(LEADER, OTHER), leader_count=2))
    remove(redis, OTHER, ManualClock(NOW_MS))

    assert list(states(redis)) == [LEADER]
