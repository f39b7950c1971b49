"""Each script names every key it touches: strict servers refuse others; those of a slot that moves may be away."""

import hashlib
import threading

import pytest
from redis import Redis

from buyer.sharding.shard_count import ShardCount
from detector.domain.matcher import Matcher
from detector.domain.signal_draft import UnconfirmedFill
from detector.polling.backfill_gaps import BackfillGap, BackfillGaps
from detector.polling.cursors import CursorStore
from detector.publishing.pending_confirmations import PendingConfirmations
from shared.clock import SystemClock
from shared.domain.ledger_accounts import HALT
from shared.domain.ledger_write import LedgerRecord, LedgerWrite, StreamAck
from shared.domain.record_kinds import INTENTS, ORDERS
from shared.ledger.gated_commit import GateTurns
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import DECISIONS, SIGNALS
from shared.process.beats import ProcessBeat, write_beats
from shared.rate_limit.gate import RateGate
from shared.rate_limit.limits import GateLimits
from shared.redis import streams
from shared.redis.client import LuaScript, connect_redis
from shared.redis.lease import Lease
from shared.redis.partitioning import Partitioning
from shared.redis.streams import ensure_group, pin_owner, publish_once, trim_stream, unpin_owner
from tests.buyer.builders import a_signal
from tests.conftest import ROOT
from tests.detector.builders import NOW_MS, a_fill, a_view
from tests.shared.ledger.test_lots_that_ended import buy, sell
from tests.shared.redis.script_watch import watched_scripts

pytestmark = pytest.mark.server
CLOCK, NEVER = SystemClock(), threading.Event()
LEADER, OTHER = "0x" + "a" * 40, "0x" + "b" * 40
PROGRAMS = ("buyer", "detector", "ops", "redeemer", "shared")


def test_no_script_touches_a_key_that_its_call_does_not_declare(
    valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MOST_FACTS", 5)
    files = {file.name: file.read_text() for program in PROGRAMS for file in (ROOT / program).rglob("*.lua")}

    with connect_redis(valkey_url) as redis, watched_scripts(redis) as watch:
        for act in (detect, trade, share):
            act(redis)

    assert watch.undeclared == set()
    assert [name for name, text in files.items() if not {text, sha(text)} & watch.ran] == []


def test_a_touch_of_another_key_would_be_seen(valkey_url: str) -> None:
    with connect_redis(valkey_url) as redis, watched_scripts(redis) as watch:
        LuaScript(redis, "return redis.call('GET', ARGV[1])")(["hs:a"], ["hs:b"])

    assert watch.undeclared == {"GET hs:b"}


def detect(redis: Redis) -> None:
    """Publish more than is remembered, of a leader whose past is being read and of another; wait for witnesses."""
    pin_owner(redis, SIGNALS, LEADER, "data_api")
    for number in range(20):
        publish_once(redis, SIGNALS, a_signal(), fact=f"{(LEADER, OTHER)[number % 2]}:{number}", age=number // 4)
    assert redis.zcard(f"{SIGNALS}:held:{LEADER}")
    unpin_owner(redis, SIGNALS, LEADER, "data_api")
    gaps, gap = BackfillGaps(redis, "data_api", CursorStore(redis)), BackfillGap(LEADER, 1, 9)
    gaps.open_gap(gap)
    gaps.read_to(gap, 5)
    gaps.close_gap(gap)
    CursorStore(redis).advance("data_api", {LEADER: 10})
    (draft,) = Matcher().match_view(a_view(a_fill())).drafts
    wait = UnconfirmedFill(draft.key, "rtds", NOW_MS, NOW_MS, draft.pieces, draft.hint, frozenset({"rtds"}))
    waiting = PendingConfirmations(redis, 1000)
    assert waiting.remove_decided(waiting.add_sighting(wait))


def trade(redis: Redis) -> None:
    """Write what a step can have, alone and at a turn; end a lot; trim what was read."""
    ensure_group(redis, SIGNALS, "buyer")
    lease, ledger = Lease(redis, "buyer:paper", "me", clock=CLOCK, only_while=("hs:a", "")), RedisLedger(redis, "paper")
    lease.try_acquire()
    records = (LedgerRecord(INTENTS, "a", "text"), LedgerRecord(ORDERS, "a", None))
    entry = StreamAck(SIGNALS, "buyer", "1-1")
    step = LedgerWrite(id="1", postings=((HALT, 1),), records=records, events=((DECISIONS, a_signal()),), ack=entry)
    ledger.commit(step)
    gate = RateGate(redis, "orders", GateLimits(100, burst=100), clock=CLOCK)
    gate.throttled(0)
    ledger.commit_at(GateTurns(gate, NEVER), LedgerWrite(id="2", records=records, fence=lease.fence))
    assert ledger.read((HALT,), ("1",), ((INTENTS, "a"), (ORDERS, "a"))).records == {(INTENTS, "a"): "text"}
    buy(ledger, 1)
    sell(ledger, 1)
    trim_stream(redis, SIGNALS, 1)


def share(redis: Redis) -> None:
    """Share leaders and shards, and say that we live."""
    Partitioning(redis, "detectors", "me", ttl_s=1, version_key="hs:leaders:version").beat("none")
    for shards in (1, 3, 2):
        ShardCount(redis, shards, clock=CLOCK, patience_s=1, halt=print, mode="live").ensure()
    write_beats(redis, [ProcessBeat("me", "buyer")])


def sha(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
