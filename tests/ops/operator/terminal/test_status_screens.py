"""The screen as a terminal of 80 x 24 and of 120 x 40 shows it, while it matters: killed, detector dead, venue away."""

import io
from typing import Any

import pyte
import pytest
from redis import Redis

from ops.operator.controls import kill
from ops.operator.status import StatusWatcher
from ops.operator.terminal.screen import full_screen
from shared.clock import SystemClock
from shared.messages.base import DECISIONS, SIGNALS
from shared.messages.service import HybridProgress, SourceStatus
from shared.process.beats import BEATS, ProcessBeat, server_ms, write_beats
from shared.redis.client import connect_redis
from shared.redis.followed_leaders import FollowedLeader, follow_leader
from shared.redis.lease import Lease
from shared.redis.streams import publish_event
from shared.terminal import Terminal
from tests.ops.domain.test_live_view import a_skip
from tests.ops.operator.account.board_account import LEADER, Account

pytestmark = [pytest.mark.server, pytest.mark.pitfall(62)]
SIZES = [(80, 24), (120, 40), (100, 30), (164, 38)]


@pytest.fixture
def redis(valkey_url: str) -> Redis:
    """Give a server on which detector and buyer run and a position is held."""
    redis = connect_redis(valkey_url)
    now_ms = server_ms(redis)
    account = Account(redis, now_ms=now_ms)
    key = account.buys("9.61", "4.99", "0.0072", at_ms=now_ms)
    account.mark(key, "9.61", "0.53", "5.05", at_ms=now_ms)
    follow_leader(redis, LEADER, FollowedLeader("whale"))
    publish_event(redis, SIGNALS, a_progress(now_ms))
    publish_event(redis, DECISIONS, a_skip())
    names = ("detector", "redeemer", "redeemer-worker")
    write_beats(
        redis, [ProcessBeat("buyer@a:2", "buyer", "a", "paper"), *(ProcessBeat(f"{n}@a:1", n, "a") for n in names)]
    )
    Lease(redis, "buyer:paper", "buyer-0@a", clock=SystemClock()).try_acquire()
    return redis


def a_progress(now_ms: int, state: Any = "ok", error: str = "") -> HybridProgress:
    sources = tuple(
        SourceStatus(
            name=name, state=state, last_error=error, coverage=0.987, lag_p50_ms=2300, lag_p95_ms=3100, stale_ms=40
        )
        for name in ("rtds", "data_api", "chain_logs")
    )
    given: dict[str, Any] = {"detector": "detector@a:1", "runtime_ms": 1, "leaders": (LEADER,), "sources": sources}
    return HybridProgress(id="p", emitted_at_ms=now_ms, signals=1, sightings=1, repeats=0, **given)


def shown(redis: Redis, width: int, height: int) -> list[str]:
    """Return the lines that a terminal of this size shows of the live screen."""
    watcher = StatusWatcher(redis, SystemClock())
    watcher.look_back()
    out = io.StringIO()
    console = Terminal(file=out, width=width, height=height, force_terminal=True, legacy_windows=False)
    console.print(full_screen(watcher.picture, height), end="")
    terminal = pyte.Screen(width, height)
    pyte.Stream(terminal).feed(out.getvalue().replace("\n", "\r\n").removesuffix("\r\n"))
    return [line.rstrip() for line in terminal.display]


def dies(redis: Redis, instance: str, ago_s: float) -> None:
    text = str(redis.hget(BEATS, instance)).partition(" ")[2]
    redis.hset(BEATS, instance, f"{server_ms(redis) - round(ago_s * 1000)} {text}")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_killed_pipeline_begins_with_that_and_says_by_whom_and_why(redis: Redis, width: int, height: int) -> None:
    kill(redis, "paper", "the fills look odd", SystemClock())

    lines = shown(redis, width, height)

    assert lines[0].startswith("KILL SWITCH ON  PAPER")
    assert "the fills look odd" in " ".join(lines[:2])


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_dead_detector_is_the_first_thing_said(redis: Redis, width: int, height: int) -> None:
    dies(redis, "detector@a:1", 31)

    lines = shown(redis, width, height)

    assert lines[0].startswith("DEAD: detector for 31 s  PAPER")
    assert any("rtds" in line and "dead" in line for line in lines)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_venue_that_is_away_is_the_first_thing_said(redis: Redis, width: int, height: int) -> None:
    publish_event(redis, SIGNALS, a_progress(server_ms(redis), "failing", "Unavailable: 503"))

    lines = shown(redis, width, height)

    assert lines[0].startswith("THE VENUE IS AWAY  PAPER")
    assert "503" in " ".join(lines[:3])


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_running_pipeline_shows_the_money_and_what_is_held(redis: Redis, width: int, height: int) -> None:
    lines = shown(redis, width, height)

    assert lines[0].startswith("PAPER  RUNNING")
    assert lines[1].startswith("equity 1,000.05  cash 995.00")
    assert lines[2].startswith("limits  day 5.00/200")
    held = next(line for line in lines if "Will it?" in line and "9.61" in line)
    for piece in ("Yes", "whale", "0.520", "5.00", "5.05", "+0.05"):
        assert piece in held


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_is_wider_or_longer_than_the_terminal_and_every_panel_is_closed(
    redis: Redis, width: int, height: int
) -> None:
    lines = shown(redis, width, height)

    assert len(lines) == height
    assert lines[-1].startswith("╰")
    assert lines[-1].endswith("╯")
    assert sum(line.count("╭") for line in lines) == sum(line.count("╰") for line in lines)


@pytest.mark.parametrize("width", [40, 60, 80, 99])
def test_below_100_columns_there_is_one_column(redis: Redis, width: int) -> None:
    assert all(line.count("╭") <= 1 for line in shown(redis, width, 30))


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_amount_of_the_head_is_cut_where_the_terminal_is_narrow(redis: Redis, width: int) -> None:
    head = shown(redis, width, 30)[1:4]

    assert not any("…" in line for line in head)
    assert "all +0.05" in " ".join(head)
