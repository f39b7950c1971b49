"""Whose the ledger is, and who else trades with the same key, against the local venue."""

import hashlib
from pathlib import Path

import pytest

from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.domain.errors import RefusedForSafety
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE, SIGNALS
from shared.messages.events import read_event
from shared.messages.service import StrangerFill
from shared.redis.streams import publish_event, stream_tail
from tests.buyer.venue.polymarket.live_floor import Floor, floor, until

pytestmark = [pytest.mark.server, pytest.mark.simulator]
__all__ = ["floor"]


def bought(floor: Floor, number: int) -> None:
    publish_event(floor.redis, SIGNALS, floor.signal(number))
    until(lambda: len(floor.told) >= number and not RedisLedger(floor.redis, "live").records("orders"))


@pytest.mark.pitfall(51)
def test_another_key_on_the_same_ledger_is_refused_before_anything_is_asked(floor: Floor) -> None:
    floor.fund()
    with floor.buyer():
        bought(floor, 1)
    before = floor.lots()

    with pytest.raises(RefusedForSafety, match="is that of live trading of 0x"):  # noqa: SIM117 - the start refuses
        with floor.buyer("--private-key", hashlib.sha256(b"another horse").hexdigest()):
            pass

    assert floor.lots() == before


@pytest.mark.pitfall(51)
def test_a_second_installation_with_the_same_key_is_noticed_by_its_fills(floor: Floor, tmp_path: Path) -> None:
    floor.fund()
    with EmbeddedRedis(tmp_path / "other", fsync="off") as server:
        other = Floor(floor.sim, server.url, tmp_path / "b")
        with floor.buyer("--wallet-check-s", "2"), other.buyer():
            bought(other, 1)
            until(lambda: any(isinstance(one, StrangerFill) for one in events(floor)))

    (told,) = [one for one in events(floor) if isinstance(one, StrangerFill)]
    assert told.signal_id == other.told[0].signal_id
    assert floor.lots() == []


def events(floor: Floor) -> list[object]:
    return [read_event(entry.json) for entry in stream_tail(floor.redis, SERVICE, 1000)]
