"""What a process tells of itself, and the housekeeping that goes with each heartbeat."""

import pytest

from shared.clock import ManualClock
from shared.messages.base import SERVICE, SIGNALS
from shared.messages.service import ServiceHealth
from shared.process.heartbeat import HeartbeatAnnouncer
from shared.redis.client import connect_redis
from shared.redis.streams import ensure_group, publish_event, stream_lengths

pytestmark = pytest.mark.server


@pytest.mark.pitfall(30)
def test_s4_a_heartbeat_trims_what_every_group_is_done_with(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    for number in range(30):
        event = ServiceHealth(id=str(number), emitted_at_ms=number, service="s", instance="i", ready=True)
        publish_event(redis, SIGNALS, event)
        publish_event(redis, SERVICE, event)
    ensure_group(redis, SIGNALS, "buyer")

    announcer = HeartbeatAnnouncer(redis, ManualClock(), "detector", "d", keep_entries=10)
    announcer.health({}, ready=True)
    announcer.close(5)

    assert stream_lengths(redis)[SERVICE] == 10
    assert stream_lengths(redis)[SIGNALS] == 30, "a group that has read nothing loses nothing"
