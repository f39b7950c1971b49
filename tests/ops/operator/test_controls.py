"""The kill switch: kept in the ledger, so it outlives every process."""

import json
import re
from pathlib import Path

import pytest
from redis import Redis
from typer.testing import CliRunner, Result

from ops.cli import app
from ops.operator import controls
from ops.operator.pipeline_server import demand_pipeline
from ops.operator.status import StatusWatcher, draw
from shared.clock import ManualClock, SystemClock
from shared.domain import exit_codes
from shared.domain.errors import BadConfig, DependencyMissing
from shared.domain.ledger_accounts import CASH, DEPOSITED, FLATTEN, HALT, PAUSE_ALL, PAUSE_BUYS
from shared.domain.ledger_write import LedgerWrite
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE
from shared.messages.events import write_event
from shared.messages.service import ServiceHealth, ServiceStart
from shared.process.beats import ProcessBeat, write_beats
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from shared.redis.pipeline_record import note_start, note_wallet

pytestmark = pytest.mark.server
SINCE_MS = 1_795_860_120_000
"""2026-11-28 10:02 UTC."""


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    return connect_redis(valkey_url)


@pytest.mark.pitfall(24)
def test_what_is_traded_is_one_word_and_the_strongest_control_gives_it() -> None:
    assert controls.trading_state({}) == "on"
    assert controls.trading_state({"pause_buys": 1}) == "sells-only"
    assert controls.trading_state({"pause_buys": 1, "pause_all": 1}) == "paused"
    assert controls.trading_state({"pause_buys": 1, "flatten": 1, "halt": 1}) == "killed"


def test_the_switch_is_turned_once_and_says_who_when_and_why(redis: Redis) -> None:
    clock = ManualClock(5)

    assert controls.kill(redis, "paper", "odd fills", clock)
    assert not controls.kill(redis, "paper", "again", clock)

    assert RedisLedger(redis, "paper").accounts().values == {HALT: 1}
    assert controls.last_turn(redis, "paper")["why"] == "odd fills"
    assert controls.last_turn(redis, "paper")["at_ms"] == "5"


@pytest.mark.pitfall(24)
def test_resume_turns_it_off_again_once(redis: Redis) -> None:
    controls.kill(redis, "paper", "odd fills", ManualClock())

    assert controls.resume(redis, "paper", "checked", ManualClock())
    assert not controls.resume(redis, "paper", "checked", ManualClock())
    assert RedisLedger(redis, "paper").accounts().values == {}


@pytest.mark.pitfall(25)
def test_the_switch_of_paper_is_not_that_of_live(redis: Redis) -> None:
    controls.kill(redis, "paper", "test", ManualClock())

    assert RedisLedger(redis, "live").accounts().values == {}
    assert controls.last_turn(redis, "live") == {}


@pytest.mark.pitfall(24)
def test_a_container_user_without_a_name_can_turn_the_switch(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("getpass.getuser", nameless)

    assert controls.kill(redis, "paper", "odd fills", ManualClock())
    assert controls.last_turn(redis, "paper")["who"].startswith("uid ")


@pytest.mark.pitfall(24)
def test_each_control_is_its_own_and_resume_ends_them_all(redis: Redis) -> None:
    clock = ManualClock(7)
    controls.pause_buys(redis, "paper", "fees", clock)
    controls.pause_all(redis, "paper", "odd", clock)
    controls.flatten(redis, "paper", "going away", clock)
    assert not controls.flatten(redis, "paper", "again", clock)

    assert RedisLedger(redis, "paper").accounts().values == dict.fromkeys((FLATTEN, PAUSE_ALL, PAUSE_BUYS), 1)
    shown = [(control.name, control.why, control.at_ms) for control in controls.active(redis, "paper")]
    assert shown == [("flatten", "going away", 7), ("pause all", "odd", 7), ("pause buys", "fees", 7)]

    assert controls.resume(redis, "paper", "checked", clock)
    assert controls.active(redis, "paper") == []


def test_status_shows_the_ledger_of_the_buyer_that_runs(redis: Redis, tmp_path: Path) -> None:
    clock, picture = ManualClock(8), tmp_path / "screen.svg"
    controls.pause_buys(redis, "live", "fees went up", clock)
    started = ServiceStart(id="start", emitted_at_ms=7, service="buyer", instance="buyer@here", mode="live")
    redis.xadd(SERVICE, {"event": started.event, "json": write_event(started)})
    watcher, on_paper = StatusWatcher(redis, clock), StatusWatcher(redis, clock, mode="paper")

    watcher.look_back()
    on_paper.look_back()
    draw(watcher.picture, picture)

    assert (watcher.picture.mode, len(watcher.controls)) == ("live", 1)
    assert (on_paper.picture.mode, len(on_paper.controls)) == ("paper", 0)
    drawn = picture.read_text(encoding="utf-8")
    assert "LIVE" in drawn
    assert "SELLS-ONLY" in drawn
    assert re.findall(r"https?://(?!www\.w3\.org|www\.textualize\.io)", drawn) == []


def test_status_shows_which_controls_are_on_who_turned_them_and_why(redis: Redis) -> None:
    controls.pause_buys(redis, "paper", "fees went up", ManualClock(7))
    watcher = StatusWatcher(redis, ManualClock(8))

    watcher.look_back()

    assert [control.why for control in watcher.controls] == ["fees went up"]
    assert watcher.picture.stopped_by.endswith(": fees went up")
    assert watcher.exits == {}


def hybrid(redis_url: str, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--redis-url", redis_url])


def announced(redis_url: str, *modes: str) -> Redis:
    redis = connect_redis(redis_url)
    for mode in modes:
        note_start(redis, "buyer", mode, "buyer@here", SINCE_MS)
    return redis


def running(redis: Redis, mode: str) -> None:
    Lease(redis, f"buyer:{mode}", "buyer@here", clock=SystemClock()).try_acquire()


@pytest.mark.pitfall(24)
@pytest.mark.parametrize("command", ["kill", "pause", "flatten"])
def test_what_stops_orders_stops_those_of_paper_and_live_and_says_both(valkey_url: str, command: str) -> None:
    redis = announced(valkey_url, "paper", "live")

    result = hybrid(valkey_url, command, "--why", "test")

    assert [line.split()[0] for line in result.output.splitlines()] == ["on", "live", "paper"]
    assert all(controls.active(redis, mode) for mode in ("paper", "live"))


@pytest.mark.pitfall(24)
def test_a_control_of_one_ledger_only_when_it_is_named(valkey_url: str) -> None:
    redis = announced(valkey_url, "paper", "live")
    running(redis, "paper")

    result = hybrid(valkey_url, "kill", "--mode", "paper")

    said = "paper orders are off: paper money, since 2026-11-28 10:02 UTC; buyer@here runs"
    assert result.output == f"on {valkey_url}\n{said}\n"
    assert controls.active(redis, "live") == []


def test_resume_is_for_the_buyer_that_runs(valkey_url: str) -> None:
    redis = announced(valkey_url, "paper", "live")
    note_wallet(redis, "live", "0x1111111111111111111111111111111111111111")
    hybrid(valkey_url, "kill")
    running(redis, "live")

    result = hybrid(valkey_url, "resume", "--why", "checked")

    assert "live orders are on: 0x1111111111111111111111111111111111111111, since" in result.output
    assert result.output.endswith("paper stays stopped (kill): hybrid resume --mode paper\n")
    assert (controls.active(redis, "live"), len(controls.active(redis, "paper"))) == ([], 1)


@pytest.mark.parametrize("modes", [(), ("paper", "live")])
def test_resume_asks_for_the_ledger_when_nobody_can_tell(valkey_url: str, modes: tuple[str, ...]) -> None:
    redis = announced(valkey_url, "paper", "live")
    hybrid(valkey_url, "kill")
    for mode in modes:
        running(redis, mode)

    result = hybrid(valkey_url, "resume", "--why", "checked")

    assert isinstance(result.exception, BadConfig)
    assert "--mode paper or --mode live" in str(result.exception)
    assert len(controls.active(redis, "live")) == 1


@pytest.mark.parametrize("command", ["kill", "pause"])
def test_who_stops_orders_in_a_hurry_need_not_say_why(valkey_url: str, command: str) -> None:
    redis = announced(valkey_url, "paper")

    assert hybrid(valkey_url, command).exit_code == 0
    assert controls.active(redis, "paper")[0].why == "no reason given"


COMMANDS = [
    ("kill",),
    ("pause",),
    ("flatten", "--why", "x"),
    ("resume", "--why", "x"),
    ("resume", "--why", "x", "--mode", "paper"),
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
    assert f"no pipeline of ours has announced itself on {valkey_url}" in str(result.exception)
    assert "--redis-url" in str(result.exception)
    assert result.output == ""
    assert sorted(redis.keys()) == [SERVICE, "theirs"]


@pytest.mark.pitfall(38)
@pytest.mark.parametrize(
    "words", [("kill",), ("flatten", "--why", "x"), ("resume", "--why", "x"), ("status", "--once")]
)
def test_a_mode_that_never_ran_there_is_not_switched_by_its_name(valkey_url: str, words: tuple[str, ...]) -> None:
    redis = announced(valkey_url, "paper")

    result = hybrid(valkey_url, *words, "--mode", "live")

    assert isinstance(result.exception, DependencyMissing)
    assert f"nothing live has announced itself on {valkey_url} (paper: paper money, since" in str(result.exception)
    assert controls.active(redis, "live") == []


def test_kill_without_a_mode_says_which_one_nobody_runs(valkey_url: str) -> None:
    announced(valkey_url, "paper")

    lines = hybrid(valkey_url, "kill").output.splitlines()

    assert lines[1] == "live orders are off: nothing live has ever announced itself here; this is for one that will"
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

    assert "live orders are off: the server was emptied, so nobody can tell who trades" in result.output
    assert controls.active(redis, "live")[0].name == "kill"


def test_what_was_switched_can_be_switched_back(valkey_url: str) -> None:
    redis = announced(valkey_url, "paper")
    hybrid(valkey_url, "kill")

    assert hybrid(valkey_url, "resume", "--why", "checked", "--mode", "live").exit_code == 0
    assert controls.active(redis, "live") == []


def test_a_pipeline_of_before_the_record_is_known_by_its_reports_and_its_money(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    beat = ServiceHealth(id="beat", emitted_at_ms=7, service="detector", instance="d@here", ready=True)
    redis.xadd(SERVICE, {"event": beat.event, "json": write_event(beat)})
    assert "live orders are off: nothing live has ever" in hybrid(valkey_url, "kill").output

    RedisLedger(redis, "paper").commit(LedgerWrite(id="deposit", postings=((CASH, 5), (DEPOSITED, 5))))

    assert "paper orders are off already: paper money, since an older version" in hybrid(valkey_url, "kill").output


def test_status_names_the_server_the_wallet_the_mode_and_since_when(valkey_url: str) -> None:
    redis = announced(valkey_url, "live")
    note_wallet(redis, "live", "0x1111111111111111111111111111111111111111")
    running(redis, "live")
    shown = hybrid(valkey_url, "status", "--once", "--json", "--mode", "live")

    server = json.loads(shown.output)["server"]
    assert server["url"] == valkey_url
    wallet = "0x1111111111111111111111111111111111111111"
    assert server["modes"]["live"] == {"wallet": wallet, "since_ms": SINCE_MS, "buyers": ["buyer@here"], "waiting": []}


def test_status_on_the_screen_says_on_which_server_and_since_when(redis: Redis, valkey_url: str) -> None:
    announced(valkey_url, "live")
    note_wallet(redis, "live", "0x1111111111111111111111111111111111111111")

    title = demand_pipeline(redis).title("live")

    assert title == f"{valkey_url} · live · 0x111111…1111 · since 2026-11-28 10:02 UTC"
