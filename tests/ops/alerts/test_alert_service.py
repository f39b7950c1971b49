"""The service on a real server: what came is judged once, nothing is lost by a crash, and one process tells."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from ops.alerts import farewell
from ops.alerts.channel_sender import ChannelSender
from ops.alerts.dead_man_ping import DeadManPing
from ops.alerts.domain.alert_message import AlertMessage
from ops.alerts.domain.judge import AlertRules
from ops.alerts.event_reader import READ, EventReader
from ops.alerts.look_reader import LookReader
from ops.alerts.outbox import GROUP, Outbox
from ops.alerts.service import AWAY_TOLD_S, AlertService
from ops.operator import controls
from shared.clock import Clock, ManualClock, SystemClock
from shared.domain.errors import Fenced, RefusedForSafety, Unavailable
from shared.http.client import Upstream
from shared.messages.base import DECISIONS, SERVICE, Event
from shared.process.beats import ProcessBeat, write_beats
from shared.redis.client import connect_redis
from shared.redis.lease import Lease
from shared.redis.streams import group_backlog, publish_event, trim_stream
from tests.ops.alerts.alert_builders import NOW_MS, a_message, a_turn
from tests.ops.alerts.fake_upstreams import Said, Webhook
from tests.ops.explain.life_builders import a_decision
from tests.waiting import wait_until

pytestmark = pytest.mark.server


class Pocket:
    """A channel that keeps what it is given."""

    key, name = "pocket", "pocket"

    def __init__(self) -> None:
        self.told: list[AlertMessage] = []

    def deliver(self, message: AlertMessage) -> None:
        self.told.append(message)


class Rig:
    """One process's service, with a clock that the test moves."""

    def __init__(self, redis: Redis, holder: str = "one", clock: Clock | None = None, **parts: Any) -> None:
        self.clock, self.pocket = clock or ManualClock(NOW_MS), Pocket()
        self.outbox = Outbox(redis, {"pocket": "pocket"})
        self.sender = ChannelSender(self.pocket, self.outbox, self.clock)
        self.lease = Lease(redis, "alerts", holder, clock=self.clock)
        self.service = AlertService(
            lease=self.lease,
            reader=EventReader(redis, "alerts", self.clock),
            looks=LookReader(redis, self.clock, Path("/")),
            outbox=self.outbox,
            senders=[self.sender],
            rules=AlertRules(disk_pct=99.9),
            clock=self.clock,
            **parts,
        )

    def begin(self) -> "Rig":
        assert self.lease.try_acquire() == ""
        self.service._begin()
        self.service.turn()
        return self

    def kinds(self) -> list[str]:
        return [message.kind for message in self.outbox.waiting("pocket")]


@pytest.fixture
def redis(valkey_url: str) -> Iterator[Redis]:
    with connect_redis(valkey_url, blocking_s=1) as client:
        yield client


def publish(redis: Redis, *events: Event, stream: str = SERVICE) -> None:
    for event in events:
        publish_event(redis, stream, event)


def backlog(redis: Redis) -> int:
    return sum(sum(group_backlog(redis, stream, GROUP)) for stream in READ)


def test_what_happened_before_the_first_start_is_not_told(redis: Redis) -> None:
    publish(redis, a_turn())

    rig = Rig(redis).begin()
    publish(redis, a_turn(id="c2"))
    rig.service.turn()

    assert rig.kinds() == ["killed"]


def test_an_event_is_kept_as_a_message_in_the_step_that_acknowledges_it(redis: Redis) -> None:
    rig = Rig(redis).begin()
    publish(redis, a_turn())
    publish(redis, a_decision(), stream=DECISIONS)

    rig.service.turn()
    rig.service.turn()

    assert sorted(rig.kinds()) == ["filled", "killed"]
    assert backlog(redis) == 0


def test_a_crash_before_that_step_judges_it_again_and_tells_it_once(redis: Redis) -> None:
    first = Rig(redis).begin()
    publish(redis, a_turn())
    assert len(first.service._reader.read()) == 1  # and here the process dies
    first.lease.release()

    second = Rig(redis, "two").begin()

    assert second.kinds() == ["killed"]
    assert backlog(redis) == 0


def test_a_controls_command_is_told_with_who_and_whose_money(redis: Redis) -> None:
    rig = Rig(redis).begin()
    controls.kill(redis, "live", "odd fills", ManualClock(NOW_MS))

    rig.service.turn()

    (message,) = rig.outbox.waiting("pocket")
    assert message.mode == "live"
    assert "odd fills" in message.body


def test_what_was_told_is_not_told_again_by_the_next_process(redis: Redis) -> None:
    beat(redis, "failed")
    first = Rig(redis).begin()
    assert first.kinds() == ["silent"]
    first.lease.release()

    second = Rig(redis, "two").begin()
    assert second.kinds() == ["silent"]
    beat(redis, "up", instance="buyer@host:2")
    second.clock.wait(threading.Event(), 60)
    second.service.turn()

    assert second.kinds() == ["silent", "silent"]
    assert "works again" in second.outbox.waiting("pocket")[-1].title


def test_entries_that_were_judged_hold_no_trimming_up(redis: Redis) -> None:
    rig = Rig(redis).begin()
    publish(redis, *(a_turn(id=f"c{number}") for number in range(20)))
    rig.service.turn()

    trim_stream(redis, SERVICE, 5)

    assert redis.xlen(SERVICE) <= 6


def test_an_event_that_cannot_be_read_is_passed_over_and_logged(
    redis: Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    rig = Rig(redis).begin()
    redis.xadd(SERVICE, {"event": "CONTROL_TURNED", "json": "{"})
    publish(redis, a_turn())

    rig.service.turn()

    assert rig.kinds() == ["killed"]
    assert "alert_event_unreadable" in capsys.readouterr().err


def test_a_second_process_stands_by_and_goes_on_when_the_first_ends(redis: Redis) -> None:
    first = Rig(redis).begin()
    stop, second = threading.Event(), Rig(redis, "two", SystemClock())
    thread = threading.Thread(target=second.service.run, args=(stop,))
    thread.start()
    publish(redis, a_turn())
    first.service.turn()
    assert not second.service.ready()

    first.lease.release()
    publish(redis, a_turn(id="c2"))
    wait_until(lambda: len(second.pocket.told) == 2, "the second one tells")
    stop.set()
    thread.join(20)

    assert not thread.is_alive()
    assert second.kinds() == []


def test_one_that_lost_its_lease_tells_nothing_more(redis: Redis) -> None:
    rig = Rig(redis).begin()
    redis.hset("hs:lease:alerts", mapping={"holder": "two", "token": "99", "until_ms": "9" * 13})
    rig.clock.wait(threading.Event(), 9)

    with pytest.raises(Fenced):
        rig.service.turn()


def test_a_server_that_is_away_is_told_past_it_once_and_again_when_it_answers(redis: Redis) -> None:
    rig = Rig(redis).begin()
    error = Unavailable("connection refused")

    for _ in range(3):
        rig.clock.wait(threading.Event(), AWAY_TOLD_S / 2)
        rig.service._is_away(error)
    rig.sender.turn(threading.Event())
    assert [message.level for message in rig.pocket.told] == ["critical"]
    assert "The server is away" in rig.pocket.told[0].title
    assert not rig.service.ready()

    rig.lease.try_acquire()
    rig.service.turn()
    rig.sender.turn(threading.Event())
    assert "answers again" in rig.pocket.told[-1].title


def test_what_waited_over_a_restart_is_sent_by_the_next_process(redis: Redis) -> None:
    first = Rig(redis).begin()
    publish(redis, a_turn())
    first.service.turn()

    second = Rig(redis, "two")
    second.sender.turn(threading.Event())

    assert [message.kind for message in second.pocket.told] == ["killed"]
    assert second.kinds() == []


def test_a_state_that_cannot_be_read_is_begun_anew_loudly(redis: Redis, capsys: pytest.CaptureFixture[str]) -> None:
    redis.set("hs:alerts:state", "{not json")
    redis.hset("hs:alerts:waiting:pocket", "x", "{")

    rig = Rig(redis).begin()

    assert rig.kinds() == []
    said = capsys.readouterr().err
    assert "alert_state_unreadable" in said
    assert "alert_unreadable" in said


def test_the_ping_goes_out_while_all_is_well_and_not_while_a_process_is_lost(redis: Redis) -> None:
    with Webhook() as watcher:
        asked, answers = list[str](), [Said(200, {}), Said(500, {})]
        watcher.answer = lambda path, body: asked.append(path + body.decode()) or answers.pop(0)
        clock = ManualClock(NOW_MS)
        upstream = Upstream("heartbeat", f"{watcher.url}/ping/uuid", (), clock=clock, stop=threading.Event())
        ping = DeadManPing(upstream, clock, 60)
        rig = Rig(redis, clock=clock, ping=ping)
        rig.begin()
        assert ping._is_well()
        ping.ping()
        beat(redis, "dead", every_s=0.001)
        clock.advance(10)
        rig.service.turn()
        assert not ping._is_well()
        ping.ping()

    assert asked == ["/ping/uuid"] * 2
    assert (ping.pings, ping.failures) == (1, 1)


def beat(redis: Redis, state: Any, instance: str = "buyer@host:1", every_s: float = 10.0) -> None:
    write_beats(redis, [ProcessBeat(instance, "buyer", "host", "live", state, every_s)])


def test_switched_off_for_good_it_leaves_nothing_behind(redis: Redis, valkey_url: str) -> None:
    rig = Rig(redis).begin()
    publish(redis, a_turn())
    rig.service.turn()

    assert farewell.main(valkey_url) == "forgotten; 1 messages were still waiting"

    assert backlog(redis) == 0
    assert not any(redis.xinfo_groups(stream) for stream in READ if redis.exists(stream))
    assert redis.keys("hs:alerts*") == []
    assert farewell.main(valkey_url) == "forgotten; no message was waiting"


def test_while_one_runs_it_is_not_forgotten(redis: Redis, valkey_url: str) -> None:
    write_beats(redis, [ProcessBeat("alerts@host:1", "alerts", "host")])

    with pytest.raises(RefusedForSafety, match="stop it first"):
        farewell.main(valkey_url)


def test_a_message_of_every_kind_is_kept_and_read_again(redis: Redis) -> None:
    outbox = Outbox(redis, {"pocket": "pocket"})
    outbox.commit(outbox.state(), [a_message(1), a_message(2, lines=("ä🐳",))])

    assert outbox.waiting("pocket") == [a_message(1), a_message(2, lines=("ä🐳",))]
