"""A capture of a running pipeline: whole wherever it begins, ended when told."""

import threading
from pathlib import Path

import pytest
from redis import Redis

from backtest.history.capture_tape import read_tape
from backtest.replay.replay import SessionReplay
from buyer.domain.token_shard import GROUP
from ops.recording.capture import capture
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.capture.capture import Capture, captured_to
from shared.clock import ManualClock
from shared.domain import exit_codes
from shared.domain.errors import Unavailable
from shared.messages.base import SERVICE, SIGNALS
from shared.messages.service import ServiceHealth, ServiceStart
from shared.redis.client import connect_redis
from shared.redis.consumer_group import GroupReader
from shared.redis.streams import publish_event, settled
from tests.buyer.builders import a_signal, some_limits, some_settings
from tests.buyer.consumer_rig import Rig, a_hash
from tests.detector.venue import wait_until
from tests.started import started
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.server


def begin(redis: Redis) -> None:
    """Publish what a buyer says of itself."""
    config = some_settings().published()
    publish_event(redis, SERVICE, ServiceStart(id="s", emitted_at_ms=1, service="buyer", instance="b", config=config))
    publish_event(redis, SERVICE, ServiceHealth(id="h", emitted_at_ms=1, service="buyer", instance="b", ready=True))


def test_a_capture_that_begins_now_can_be_replayed(valkey_url: str, tmp_path: Path) -> None:
    rig = Rig(valkey_url)
    begin(rig.redis)
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(1)))
    rig.run_until(lambda: len(rig.decisions()) == 1 and rig.settled())
    publish_event(rig.redis, SIGNALS, a_signal(tx_hash=a_hash(2)))
    file, stop, clock = tmp_path / "c.jsonl", threading.Event(), ManualClock()
    words = {"keep_following": True, "from_start": False, "clock": clock}
    thread = threading.Thread(target=capture, args=(connect_redis(valkey_url, blocking_s=1), file, stop), kwargs=words)
    thread.start()
    while not file.exists() or len(file.read_text().splitlines()) < 3:
        threading.Event().wait(0.01)

    rig.run_until(lambda: len(rig.decisions()) == 2 and rig.settled())
    threading.Event().wait(0.1)
    stop.set()
    thread.join(PATIENCE_S)

    tape = read_tape(Capture.open(file))
    assert tape.capture.header.accounts["deposited"] == 1_000_000_000
    assert list(tape.limits) == [some_limits().id]
    assert [item.decision.signal_id for item in SessionReplay(tape).run()] == [a_signal(tx_hash=a_hash(2)).id]


def test_s5_a_capture_ends_when_told_while_the_server_is_away(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    redis, stop = connect_redis(redis_server.url, blocking_s=1), threading.Event()
    clock = ManualClock()
    words = {"keep_following": True, "clock": clock}
    thread = threading.Thread(target=capture, args=(redis, tmp_path / "c.jsonl", stop), kwargs=words, daemon=True)
    thread.start()
    while not (tmp_path / "c.jsonl").exists():
        threading.Event().wait(0.01)
    redis_server.kill()

    stop.set()
    thread.join(PATIENCE_S)

    assert not thread.is_alive()


def test_a_server_that_is_away_at_the_start_is_a_plain_error(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    redis, stop, folder = connect_redis(redis_server.url), threading.Event(), tmp_path / "capture"
    redis.xadd(SIGNALS, {"event": "", "json": "{}"})
    assert capture(redis, folder, stop) == 1
    redis_server.kill()

    for place, from_start in ((folder, True), (tmp_path / "new", False)):
        with pytest.raises(Unavailable):
            capture(redis, place, stop, from_start=from_start)


def test_a_group_has_settled_up_to_its_oldest_pending_entry(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    assert settled(redis, SIGNALS, GROUP) == "0-0"
    for number in ("5-0", "5-1", "7-0"):
        redis.xadd(SIGNALS, {"json": "{}"}, id=number)
    reader = GroupReader(redis, SIGNALS, GROUP, "b", clock=ManualClock(), block_ms=1)
    reader.read()
    reader.read()

    assert settled(redis, SIGNALS, GROUP) == f"4-{2**64 - 1}"
    reader.ack("5-0")
    assert settled(redis, SIGNALS, GROUP) == "5-0"
    reader.ack("5-1")
    reader.ack("7-0")
    assert settled(redis, SIGNALS, GROUP) == "7-0"


def test_a_folder_is_gone_on_with_and_what_was_trimmed_in_between_is_said(
    valkey_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    redis, stop, folder = connect_redis(valkey_url), threading.Event(), tmp_path / "capture"
    for number in range(1, 4):
        redis.xadd(SIGNALS, {"event": "", "json": "{}"}, id=f"{number}-0")
    assert capture(redis, folder, stop) == 3
    redis.xadd(SIGNALS, {"event": "", "json": "{}"}, id="4-0")
    assert capture(redis, folder, stop) == 1
    assert "entries_lost" not in "".join(capsys.readouterr())
    for number in (5, 6):
        redis.xadd(SIGNALS, {"event": "", "json": "{}"}, id=f"{number}-0")
    redis.xtrim(SIGNALS, minid="6-0", approximate=False)

    assert capture(redis, folder, stop) == 1

    assert "entries_lost" in "".join(capsys.readouterr())
    assert [entry.id for entry in Capture.open(folder)] == ["1-0", "2-0", "3-0", "4-0", "6-0"]


@pytest.mark.process
def test_a_folder_takes_one_capture_at_a_time_and_a_killed_one_leaves_it_free(valkey_url: str, tmp_path: Path) -> None:
    redis, stop, folder = connect_redis(valkey_url), threading.Event(), tmp_path / "capture"
    redis.xadd(SIGNALS, {"event": "", "json": "{}"}, id="1-0")
    words = ("ops.cli", "capture", str(folder), "--from-start", "--redis-url", valkey_url)

    with started(*words) as first:
        wait_until(lambda: bool(captured_to(folder)) and len(list(Capture.open(folder))) == 1, "the first one writes")
        with started(*words, "--once") as second:
            _, said = second.communicate(timeout=PATIENCE_S)
        assert second.returncode == exit_codes.REFUSED_FOR_SAFETY
        assert f"process {first.pid} holds {folder}" in said
        first.kill()
        first.wait(PATIENCE_S)

    redis.xadd(SIGNALS, {"event": "", "json": "{}"}, id="2-0")
    assert capture(redis, folder, stop) == 1
    assert [entry.id for entry in Capture.open(folder)] == ["1-0", "2-0"]
