"""The first confirmation of a pending signal stands behind it on the stream of signals, once, with the signal in it."""

from typing import Any

import pytest

from detector.publishing.pending_signals import PendingSignals
from detector.publishing.recent_writes import RecentWrites
from shared.clock import ManualClock
from shared.messages.base import SIGNALS, completed_id, fact_id
from shared.messages.events import read_event
from shared.messages.signals import ActionableSignal, FillConfirmed
from shared.redis.client import connect_redis
from shared.redis.streams import publish_event
from tests.buyer.recovery.test_pending_signals import a_pending

pytestmark = pytest.mark.server


def a_confirmation(signal: ActionableSignal, source: str = "rtds", **changes: Any) -> FillConfirmed:
    values: dict[str, Any] = {
        "id": fact_id("confirmed", signal.id, source),
        "emitted_at_ms": signal.seen_at_ms + 1400,
        "signal_id": signal.id,
        "leader": signal.leader,
        "tx_hash": signal.tx_hash,
        "token_id": signal.token_id,
        "side": signal.side,
        "source": source,
        "seen_at_ms": signal.seen_at_ms + 1350,
        "lag_ms": 250,
        "behind_first_ms": 1350,
        "first_source": "pending",
        **changes,
    }
    return FillConfirmed(**values)


class Life:
    """One life of a detector."""

    def __init__(self, url: str) -> None:
        self.redis = connect_redis(url)
        self.announced: list[FillConfirmed] = []
        self.pending = PendingSignals(self.redis, RecentWrites(ManualClock()), self.announced.append)

    def told(self) -> list[FillConfirmed]:
        events = [read_event(fields["json"]) for _, fields in self.redis.xrange(SIGNALS)]  # type: ignore[union-attr]
        return [event for event in events if isinstance(event, FillConfirmed)]


def test_it_holds_the_signal_with_an_id_of_its_own_the_blocks_time_and_both_witnesses(valkey_url: str) -> None:
    life, signal = Life(valkey_url), a_pending()
    life.pending.expect(signal)

    life.pending.confirm([a_confirmation(signal)])

    (told,) = life.told()
    assert told.signal is not None
    assert (told.signal.id, told.signal.completes, told.signal.pending) == (completed_id(signal.id), signal.id, None)
    assert told.signal.traded_at_ms == signal.seen_at_ms + 1100
    assert [seen.source for seen in told.signal.seen_by] == ["pending", "rtds"]
    assert life.announced == [told]


def test_further_confirmations_and_retries_add_nothing(valkey_url: str) -> None:
    life, signal = Life(valkey_url), a_pending()
    life.pending.expect(signal)

    for source in ("rtds", "rtds", "chain_logs"):
        life.pending.confirm([a_confirmation(signal, source)])
        life.pending.expect(signal)

    assert len(life.told()) == 1


@pytest.mark.parametrize("changes", [{"first_source": "rtds"}, {"counts": False}])
def test_what_was_not_first_seen_pending_or_counts_for_nothing_is_not_told(
    valkey_url: str, changes: dict[str, Any]
) -> None:
    life, signal = Life(valkey_url), a_pending()
    life.pending.expect(signal)

    life.pending.confirm([a_confirmation(signal, **changes)])

    assert life.told() == []


def test_the_next_life_knows_what_is_still_to_be_confirmed(valkey_url: str) -> None:
    life, signal = Life(valkey_url), a_pending()
    publish_event(life.redis, SIGNALS, signal)

    again = Life(valkey_url)
    again.pending.confirm([a_confirmation(signal)])

    assert len(again.told()) == 1
