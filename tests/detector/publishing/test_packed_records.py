"""What is kept to be told again is kept in few bytes, and says the same."""

import pytest

from detector.publishing.packed_records import pack_records, publish_packed
from shared.messages.base import SIGNALS
from shared.messages.events import write_event
from shared.redis.client import connect_redis
from shared.redis.streams import FactRecord, publish_each, stream_tail
from tests.buyer.builders import a_signal

RECORDS = tuple(
    FactRecord(SIGNALS, event, f"{event.leader}:{event.id}", "one", "", 7)
    for event in (a_signal(id=name * 64) for name in "ab")
)


def test_packed_records_weigh_less_than_half_of_their_events_texts() -> None:
    texts = sum(len(write_event(record.event)) for record in RECORDS)

    assert len(pack_records(RECORDS)) < texts / 2


@pytest.mark.server
def test_packed_records_publish_what_they_are_of_and_know_it_when_it_is_there(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    told = publish_each(redis, RECORDS[:1])

    again = publish_packed(redis, pack_records(RECORDS))

    assert [answer.state for answer in (*told, *again)] == ["published", "known", "published"]
    assert again[0].value == "one"
    assert [entry.event for entry in stream_tail(redis, SIGNALS, 9)] == ["ACTIONABLE_SIGNAL"] * 2


@pytest.mark.server
def test_a_packed_record_writes_the_same_entry(valkey_url: str) -> None:
    redis = connect_redis(valkey_url)
    publish_each(redis, RECORDS[:1])
    redis.delete(f"{SIGNALS}:facts", f"{SIGNALS}:ages")

    publish_packed(redis, pack_records(RECORDS[:1]))

    first, second = stream_tail(redis, SIGNALS, 9)
    assert first.fields == second.fields
