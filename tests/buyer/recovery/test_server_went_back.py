"""A server put back to an older copy under a live buyer: nothing is bought twice, and the loss is said."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from buyer.recovery import startup
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.ledger.redis_ledger import RedisLedger
from shared.messages.base import SERVICE, SIGNALS
from shared.messages.events import read_event
from shared.messages.service import ServerWentBack
from shared.redis.streams import publish_event, stream_tail
from simulator import Settings, serve
from tests.buyer.venue.polymarket.live_floor import Floor, until

pytestmark = [pytest.mark.server, pytest.mark.simulator]


class OldFloor(Floor):
    """A floor whose server can be put back."""

    server: EmbeddedRedis

    @property
    def files(self) -> Path:
        return self.server.folder / "appendonlydir"

    def keep(self) -> None:
        shutil.rmtree(self.folder / "copy", ignore_errors=True)
        shutil.copytree(self.files, self.folder / "copy")

    def put_back(self) -> None:
        self.server.kill()
        shutil.rmtree(self.files)
        shutil.copytree(self.folder / "copy", self.files)
        self.server.restart()

    def at_rest(self) -> bool:
        return bool(self.lots()) and not RedisLedger(self.redis, "live").records("orders")

    def losses(self) -> list[ServerWentBack]:
        events = (read_event(entry.json) for entry in stream_tail(self.redis, SERVICE, 1000))
        return [event for event in events if isinstance(event, ServerWentBack) and event.what == "ledger"]


@pytest.fixture
def floor(redis_server: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OldFloor]:
    monkeypatch.setattr(startup, "LOSS_WAIT_S", 2.0)  # the local venue shows an order at once
    with serve(Settings(fills_per_minute=0, speed=20, resolve_after_s=1_000_000)) as sim:
        found = OldFloor(sim, redis_server.url, tmp_path)
        found.server = redis_server
        found.fund()
        yield found


@pytest.mark.pitfall(50)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_signal_that_comes_again_after_the_server_went_back_is_not_bought_again(
    floor: OldFloor, *, restarted: bool
) -> None:
    signal = floor.signal()
    with floor.buyer():
        until(lambda: bool(RedisLedger(floor.redis, "live").accounts().values.get("cash")))
        publish_event(floor.redis, SIGNALS, signal)
        floor.keep()
        until(floor.at_rest)
        before = floor.lots()
        if not restarted:
            floor.put_back()
            until(lambda: bool(floor.losses()) and floor.at_rest(), 20)
    if restarted:
        floor.put_back()
        with floor.buyer():
            until(lambda: bool(floor.losses()) and floor.at_rest(), 20)

    assert len(floor.sim._app.traders.orders()) == 1
    assert floor.lots() == before
    assert floor.losses()[0].steps > 0
    assert RedisLedger(floor.redis, "live").accounts().values["cash"] == floor.account.cash
