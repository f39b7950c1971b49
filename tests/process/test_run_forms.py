"""Every way to run it, as an operator does."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from backtest.history.capture_tape import read_tape
from backtest.replay.replay import SessionReplay
from ops.demo.demo import DemoWorld, read_all, settle
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.capture.capture import Capture
from shared.capture.segments import list_segments
from shared.messages.base import BOOKS, DECISIONS, RAW, SERVICE, SIGNALS
from shared.messages.decisions import BuyEngineDecision
from shared.messages.service import ServiceStart
from shared.redis.client import connect_redis
from shared.redis.streams import stream_tail
from tests.process.conftest import CLOCK, ROOT, Programs, end_within_15_s, wait_until
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.process, pytest.mark.server, pytest.mark.simulator]


def events(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.mark.takes(30)
def test_the_demo_ends_by_itself_with_nothing_missed_and_an_identical_replay(tmp_path: Path) -> None:
    demo = subprocess.run(
        [
            sys.executable,
            "-m",
            "ops.cli",
            "demo",
            "--seconds",
            "20",
            "--no-screen",
            "--data-dir",
            str(tmp_path / "demo"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )

    summary = json.loads(demo.stdout.splitlines()[-1])
    assert demo.returncode == 0, demo.stdout + demo.stderr[-2000:]
    assert summary["missed"] == summary["duplicated"] == summary["wrong_amounts"] == summary["undecided"] == 0
    assert summary["replayed_identically"] == f"{summary['decisions']}/{summary['decisions']}"
    assert min(summary[name] for name in ("fills", "signals", "decisions", "redemptions")) > 0


@pytest.mark.takes(14)
def test_s6_one_process_runs_everything_and_frames_its_run(programs: Programs) -> None:
    service = programs.start("ops.run_service", "--dry-run", "--runtime-seconds", "12")

    assert service.wait(PATIENCE_S) == 0, programs.log(service)

    seen = events(programs.out(service))
    names = [event["event"] for event in seen]
    assert names[0] == "SERVICE_START"
    assert names[-1] == "SERVICE_STOP"
    assert {"ACTIONABLE_SIGNAL", "BUY_ENGINE_DECISION", "HYBRID_PROGRESS", "HYBRID_SUMMARY"} <= set(names)
    last = seen[-1]["snapshots"]["service"]
    assert last["buyer"]["decisions"]
    books = last["price_feed"]
    assert books.get("books_warm", 0) + books.get("books_fetched", 0) > 0
    signalled = {event["id"] for event in seen if event["event"] == "ACTIONABLE_SIGNAL"}
    decided = [event for event in seen if event["event"] == "BUY_ENGINE_DECISION"]
    facts = [event["signal_id"] for event in decided]
    assert len(facts) == len(set(facts))
    later_attempts = {event["signal_id"] for event in decided if event["exit"] and event["exit"]["attempt"]}
    assert set(facts) - later_attempts <= signalled


def test_s5_s6_the_one_process_ends_within_15_s_and_says_so_last(programs: Programs) -> None:
    """By SIGTERM; `tests/process/test_stops.py` presses Ctrl-C."""
    service = programs.start("ops.run_service")
    wait_until(lambda: any('"BUY_ENGINE_DECISION"' in line for line in programs.out(service)))

    assert end_within_15_s(service) == 0, programs.log(service)

    last = events(programs.out(service))[-1]
    assert last["event"] == "SERVICE_STOP"
    assert last["reason"] == "SIGTERM"


@pytest.mark.takes(12)
def test_s8_detector_and_buyer_work_over_a_pipe(programs: Programs) -> None:
    pipe = subprocess.run(  # noqa: S602 - the shell's pipe is what is tested
        f"{sys.executable} -m detector --runtime-seconds 10 | {sys.executable} -m buyer --stdin",
        shell=True,
        cwd=ROOT,
        env={**programs.env, "HYBRID_DIE_WITH_PARENT": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert pipe.returncode == 0, pipe.stderr[-2000:]
    decided = [event for event in events(pipe.stdout.splitlines()) if event["event"] == "BUY_ENGINE_DECISION"]
    assert decided
    assert len({event["signal_id"] for event in decided}) == len(decided)


def test_s5_s9_each_program_runs_alone_and_ends_within_15_s_by_either_signal(programs: Programs) -> None:
    told = {
        "detector": signal.SIGINT,
        "buyer": signal.SIGTERM,
        "redeemer": signal.SIGINT,
        "redeemer.worker": signal.SIGTERM,
    }
    started = {name: programs.start(name) for name in told}
    wait_until(lambda: all("service_started" in programs.log(process) for process in started.values()))
    wait_until(lambda: any('"BUY_ENGINE_DECISION"' in line for line in programs.out(started["buyer"])))

    codes = {name: end_within_15_s(started[name], number) for name, number in told.items()}

    assert codes == dict.fromkeys(started, 0)
    assert events(programs.out(started["detector"]))[-1]["event"] == "HYBRID_SUMMARY"
    assert "service_stopped" in programs.log(started["buyer"])


@pytest.mark.pitfall(21)
def test_a_second_buyer_of_the_same_name_refuses_to_start(programs: Programs) -> None:
    first = programs.start("buyer")
    wait_until(lambda: '"active"' in programs.log(first))

    second = programs.start("buyer")

    assert second.wait(PATIENCE_S) == 4
    assert "runs already" in programs.log(second)
    assert first.poll() is None


@pytest.mark.takes(11)
@pytest.mark.pitfall(21)
def test_a_second_buyer_of_another_name_stands_by_and_takes_over(
    programs: Programs, redis_server: EmbeddedRedis, venue: DemoWorld
) -> None:
    first = programs.start("buyer", CONSUMER="buyer-0", LEASE_S="4")
    wait_until(lambda: '"active"' in programs.log(first))
    second = programs.start("buyer", CONSUMER="buyer-1", LEASE_S="4")
    detector = programs.start("detector")
    wait_until(lambda: len(programs.out(first)) > 0)

    first.kill()
    wait_until(lambda: '"active"' in programs.log(second))
    wait_until(lambda: len(programs.out(second)) > 0)
    venue.freeze()
    verdict = settle(venue, connect_redis(redis_server.url, blocking_s=1), CLOCK, PATIENCE_S)

    assert verdict.clean
    decided = decisions(redis_server)
    assert len({decision.signal_id for decision in decided}) == len(decided)
    assert end_within_15_s(detector) == end_within_15_s(second) == 0


@pytest.mark.pitfall(25)
def test_live_does_not_start_by_accident(alone: Programs) -> None:
    for word in ("--live", "--no-dry-run"):
        buyer = alone.start("buyer", word)
        assert buyer.wait(PATIENCE_S) == 4
        assert "nothing was started" in alone.log(buyer)


@pytest.mark.pitfall(32)
def test_flags_of_the_orchestrator_never_reach_a_part(programs: Programs) -> None:
    service = programs.start("ops.run_service", "--runtime-seconds", "3", "--health-port", "0")

    assert service.wait(PATIENCE_S) == 0, programs.log(service)
    start = events(programs.out(service))[0]
    assert start["config"]["runtime_seconds"] == 3
    assert start["config"]["detector"]["runtime_seconds"] == 0


@pytest.mark.parametrize(
    ("module", "env", "code", "words"),
    [
        ("detector", {"TRACKED_WALLETS": ""}, 2, "TRACKED_WALLETS is empty"),
        ("detector", {"POLL_EVERY_S": "soon"}, 2, "POLL_EVERY_S='soon'"),
        ("buyer", {"MAX_DAY_USDC": "-1"}, 2, "MAX_DAY_USDC='-1'"),
        ("buyer", {"REDIS_URL": "redis://127.0.0.1:1/0"}, 3, "hybrid redis"),
        ("redeemer", {"LIVE": "true"}, 4, "paper"),
        ("ops.run_service", {"TRACKED_WALLETS": "0x12"}, 2, "TRACKED_WALLETS"),
    ],
)
def test_a_wrong_setting_ends_with_one_plain_line_and_its_code(
    alone: Programs, module: str, env: dict[str, str], code: int, words: str
) -> None:
    process = alone.start(module, **env)

    assert process.wait(PATIENCE_S) == code
    last = alone.log(process).strip().splitlines()[-1]
    assert words in last
    assert "Traceback" not in alone.log(process)


FAULTS = (
    {"kind": "http_5xx", "upstream": "data", "seconds": 1},
    {"kind": "close_socket", "upstream": "rtds", "seconds": 0.5},
    {"kind": "malformed_rows", "upstream": "data", "count": 3, "params": {"how": "missing"}},
    {"kind": "truncated", "upstream": "clob", "seconds": 1},
    {"kind": "close_socket", "upstream": "ws", "seconds": 0.5},
)


@pytest.mark.takes(16)
@pytest.mark.pitfall(29)
@pytest.mark.pitfall(31)
def test_kills_of_everything_lose_and_double_nothing_and_replay_byte_for_byte(
    programs: Programs, redis_server: EmbeddedRedis, venue: DemoWorld, tmp_path: Path
) -> None:
    """The detector and the buyer are killed with -9 five times each, the server twice, the capture once.

    All of it in the middle of their work, with a fault of an upstream in each turn.
    """
    folder = tmp_path / "capture"
    names, recording = ("detector", "buyer"), {"CAPTURE_BOOKS": "true", "CAPTURE_RAW": "true"}
    running = {name: programs.start(name, **recording) for name in names}
    redeemer = programs.start("redeemer")
    capturing = ("ops.cli", "capture", str(folder), "--from-start")
    capture = programs.start(*capturing)
    wait_until(lambda: "redeemer" in started(redis_server))  # one that finds no server at its start would end
    never = threading.Event()
    for turn, fault in enumerate(FAULTS):
        venue._control.post("/faults", fault)
        CLOCK.wait(never, 1.2)
        for name in names:
            running[name].kill()
            running[name].wait(PATIENCE_S)
            running[name] = programs.start(name, **recording)
        if turn in {1, 3}:
            redis_server.kill()
            CLOCK.wait(never, 0.3)
            redis_server.restart()
        if turn == 2:
            wait_until(lambda: bool(list_segments(folder)))
            capture.kill()
            capture.wait(PATIENCE_S)
            capture, before = programs.start(*capturing), len(list_segments(folder))
            wait_until(lambda: len(list_segments(folder)) > before)  # noqa: B023 - waited for here

    venue.freeze()
    verdict = settle(venue, connect_redis(redis_server.url, blocking_s=1), CLOCK, PATIENCE_S)

    assert verdict.fills > 0
    assert verdict.clean, verdict
    decided = decisions(redis_server)
    assert len({decision.signal_id for decision in decided}) == len(decided)
    for process in (*running.values(), redeemer, capture):
        assert end_within_15_s(process) == 0, programs.log(process)[-2000:]
    replays_byte_for_byte(folder, decisions(redis_server))


def replays_byte_for_byte(folder: Path, made: list[BuyEngineDecision]) -> None:
    captured = Capture.open(folder)
    again = list(SessionReplay(read_tape(captured)).run())
    assert [item.recorded for item in again if not item.same] == []
    assert [item.decision.id for item in again] == [decision.id for decision in made]
    assert {decision.verdict for decision in made} >= {"BUY"}
    raw = {json.loads(entry.json)["source"] for entry in captured if entry.stream == RAW}
    assert raw >= {"data_api", "rpc", "rtds"}
    assert BOOKS in {entry.stream for entry in captured}


def started(redis_server: EmbeddedRedis) -> set[str]:
    """Return which services have said that they began."""
    redis = connect_redis(redis_server.url, blocking_s=1)
    return {event.service for event in read_all(redis, SERVICE, ServiceStart)}


def decisions(redis_server: EmbeddedRedis) -> list[BuyEngineDecision]:

    return read_all(connect_redis(redis_server.url, blocking_s=1), DECISIONS, BuyEngineDecision)


def test_the_streams_hold_what_was_printed(programs: Programs, redis_server: EmbeddedRedis) -> None:
    detector = programs.start("detector", "--runtime-seconds", "8")

    assert detector.wait(PATIENCE_S) == 0
    printed = [line for line in programs.out(detector) if line.startswith('{"event":"ACTIONABLE_SIGNAL"')]
    entries = stream_tail(connect_redis(redis_server.url), SIGNALS, 10_000)
    kept = [entry.json for entry in entries if entry.fields["event"] == "ACTIONABLE_SIGNAL"]
    assert printed == kept
