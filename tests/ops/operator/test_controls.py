"""The kill switch: kept in the ledger, so it outlives every process."""

import re
from pathlib import Path

import pytest
from redis import Redis

from ops.operator import controls
from ops.operator.status import StatusWatcher, draw
from shared.clock import ManualClock
from shared.domain.errors import BadConfig
from shared.domain.ledger_accounts import FLATTEN, HALT, PAUSE_ALL, PAUSE_BUYS
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE
from shared.messages.events import write_event
from shared.messages.service import ServiceStart
from shared.redis.client import connect_redis, redacted_url
from shared.redis.pipeline_record import note_wallet
from tests.ops.operator.announced_pipeline import announced, hybrid, running

pytestmark = pytest.mark.server


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
    (turned,) = controls.active(redis, "paper")
    assert (turned.why, turned.at_ms) == ("odd fills", 5)


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
    assert controls.active(redis, "live") == []


@pytest.mark.pitfall(24)
def test_a_container_user_without_a_name_can_turn_the_switch(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 10001")

    monkeypatch.setattr("getpass.getuser", nameless)

    assert controls.kill(redis, "paper", "odd fills", ManualClock())
    assert controls.active(redis, "paper")[0].who.startswith("uid ")


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

    said = "paper orders and redemptions are off: paper money, since 2026-11-28 10:02 UTC; buyer@here runs"
    assert result.output == f"on {redacted_url(valkey_url)}\n{said}\n"
    assert controls.active(redis, "live") == []


def test_resume_is_for_the_buyer_that_runs(valkey_url: str) -> None:
    redis = announced(valkey_url, "paper", "live")
    note_wallet(redis, "live", "0x1111111111111111111111111111111111111111")
    hybrid(valkey_url, "kill")
    running(redis, "live")

    result = hybrid(valkey_url, "resume", "--yes", "--why", "checked")

    assert "live orders are on: 0x1111111111111111111111111111111111111111, since" in result.output
    assert result.output.endswith("paper stays stopped (kill): hybrid resume --mode paper\n")
    assert (controls.active(redis, "live"), len(controls.active(redis, "paper"))) == ([], 2)


@pytest.mark.parametrize("modes", [(), ("paper", "live")])
def test_resume_asks_for_the_ledger_when_nobody_can_tell(valkey_url: str, modes: tuple[str, ...]) -> None:
    redis = announced(valkey_url, "paper", "live")
    hybrid(valkey_url, "kill")
    for mode in modes:
        running(redis, mode)

    result = hybrid(valkey_url, "resume", "--yes", "--why", "checked")

    assert isinstance(result.exception, BadConfig)
    assert "--mode paper or --mode live" in str(result.exception)
    assert len(controls.active(redis, "live")) == 2


@pytest.mark.parametrize("command", ["kill", "pause"])
def test_who_stops_orders_in_a_hurry_need_not_say_why(valkey_url: str, command: str) -> None:
    redis = announced(valkey_url, "paper")

    assert hybrid(valkey_url, command).exit_code == 0
    assert controls.active(redis, "paper")[0].why == "no reason given"


def test_what_was_switched_can_be_switched_back(valkey_url: str) -> None:
    redis = announced(valkey_url, "paper")
    hybrid(valkey_url, "kill")

    assert hybrid(valkey_url, "resume", "--yes", "--why", "checked", "--mode", "live").exit_code == 0
    assert controls.active(redis, "live") == []
