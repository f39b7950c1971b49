"""A command first knows whose server it speaks to: ours, a stranger's, or one that was emptied."""

import json

import pytest
from redis import Redis

from ops.operator import controls
from ops.operator.pipeline_server import demand_pipeline
from shared.domain import exit_codes
from shared.domain.errors import DependencyMissing
from shared.domain.ledger_accounts import CASH, DEPOSITED
from shared.domain.ledger_write import LedgerWrite
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE
from shared.messages.events import write_event
from shared.messages.service import ServiceHealth
from shared.process.beats import ProcessBeat, write_beats
from shared.redis.client import connect_redis, redacted_url
from shared.redis.pipeline_record import note_wallet
from tests.ops.operator.announced_pipeline import SINCE_MS, announced, hybrid, running

pytestmark = pytest.mark.server


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


COMMANDS = [
    ("kill",),
    ("pause",),
    ("flatten", "--why", "x"),
    ("resume", "--yes", "--why", "x"),
    ("resume", "--yes", "--why", "x", "--mode", "paper"),
    ("status", "--once"),
    ("status", "--once", "--json"),
]


@pytest.mark.pitfall(38)
@pytest.mark.parametrize("words", COMMANDS)
def test_a_strangers_server_is_told_nothing_and_not_touched(valkey_url: str, words: tuple[str, ...]) -> None:
    redis = connect_redis(valkey_url)
    redis.set("theirs", "1")
    redis.xadd(SERVICE, {"their": "entry"})

    result = hybrid(valkey_url, *words)

    assert isinstance(result.exception, DependencyMissing)
    assert exit_codes.exit_code(result.exception) == 3
    assert f"no pipeline of ours has announced itself on {redacted_url(valkey_url)}" in str(result.exception)
    assert "--redis-url" in str(result.exception)
    assert result.output == ""
    assert sorted(redis.keys()) == [SERVICE, "theirs"]


@pytest.mark.pitfall(38)
@pytest.mark.parametrize(
    "words", [("kill",), ("flatten", "--why", "x"), ("resume", "--yes", "--why", "x"), ("status", "--once")]
)
def test_a_mode_that_never_ran_there_is_not_switched_by_its_name(valkey_url: str, words: tuple[str, ...]) -> None:
    redis = announced(valkey_url, "paper")

    result = hybrid(valkey_url, *words, "--mode", "live")

    assert isinstance(result.exception, DependencyMissing)
    assert f"nothing live has announced itself on {redacted_url(valkey_url)} (paper: paper money, since" in str(
        result.exception
    )
    assert controls.active(redis, "live") == []


def test_kill_without_a_mode_says_which_one_nobody_runs(valkey_url: str) -> None:
    announced(valkey_url, "paper")

    lines = hybrid(valkey_url, "kill").output.splitlines()

    assert (
        lines[1]
        == "live orders and redemptions are off: nothing live has ever announced itself here; this is for one that will"
    )
    assert lines[2].endswith("no buyer runs now: it counts from the next start")


@pytest.mark.pitfall(38)
def test_a_buyer_that_runs_without_a_shard_is_named_by_its_beat(valkey_url: str) -> None:
    redis = announced(valkey_url, "paper")
    write_beats(
        redis,
        [
            ProcessBeat("buyer@here:7", "buyer", "here", "live"),
            ProcessBeat("buyer@there:8", "buyer", "there", "live", state="stopped"),
            ProcessBeat("buyer@here:9", "buyer", "here", "paper"),
        ],
    )
    running(redis, "paper")

    said = hybrid(valkey_url, "kill").output.splitlines()

    assert "buyer@here:7 runs and trades nothing yet (it waits for the venue, stands by, or the server was" in said[1]
    assert "there:8" not in said[1]
    assert "no buyer runs" not in said[2]


@pytest.mark.pitfall(38)
def test_an_empty_server_is_told_from_a_strangers(valkey_url: str) -> None:
    result = hybrid(valkey_url, "kill")

    assert isinstance(result.exception, DependencyMissing)
    assert "holds nothing at all" in str(result.exception)
    assert "it was emptied. A buyer that runs on an emptied server stops all orders by itself" in str(result.exception)


@pytest.mark.pitfall(38)
@pytest.mark.parametrize("words", [("kill",), ("kill", "--mode", "live")])
def test_kill_works_on_a_server_that_was_emptied_and_says_so(valkey_url: str, words: tuple[str, ...]) -> None:
    redis = connect_redis(valkey_url)
    redis.set("hs:gate:clob", "1")

    result = hybrid(valkey_url, *words)

    assert "live orders and redemptions are off: the server was emptied, so nobody can tell who trades" in result.output
    assert controls.active(redis, "live")[0].name == "kill"


def test_a_pipeline_of_before_the_record_is_known_by_its_reports_and_its_money(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    beat = ServiceHealth(id="beat", emitted_at_ms=7, service="detector", instance="d@here", ready=True)
    redis.xadd(SERVICE, {"event": beat.event, "json": write_event(beat)})
    assert "live orders and redemptions are off: nothing live has ever" in hybrid(valkey_url, "kill").output

    RedisLedger(redis, "paper").commit(LedgerWrite(id="deposit", postings=((CASH, 5), (DEPOSITED, 5))))

    assert (
        "paper orders and redemptions are off already: paper money, since an older version"
        in hybrid(valkey_url, "kill").output
    )


def test_status_names_the_server_the_wallet_the_mode_and_since_when(valkey_url: str) -> None:
    redis = announced(valkey_url, "live")
    note_wallet(redis, "live", "0x1111111111111111111111111111111111111111")
    running(redis, "live")
    shown = hybrid(valkey_url, "status", "--once", "--json", "--mode", "live")

    server = json.loads(shown.output)["server"]
    assert server["url"] == redacted_url(valkey_url)
    wallet = "0x1111111111111111111111111111111111111111"
    assert server["modes"]["live"] == {"wallet": wallet, "since_ms": SINCE_MS, "buyers": ["buyer@here"], "waiting": []}


def test_status_on_the_screen_says_on_which_server_and_since_when(redis: Redis, valkey_url: str) -> None:
    announced(valkey_url, "live")
    note_wallet(redis, "live", "0x1111111111111111111111111111111111111111")

    title = demand_pipeline(redis).title("live")

    assert title == f"{redacted_url(valkey_url)} · live · 0x111111…1111 · since 2026-11-28 10:02 UTC"
