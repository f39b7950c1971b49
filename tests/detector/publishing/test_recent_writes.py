"""A server that went back in time is told again what it forgot, and only that."""

import shutil
from pathlib import Path

import pytest

from detector.polling.backfill_gaps import GAPS, BackfillGap, BackfillGaps
from detector.polling.cursors import CursorStore
from detector.publishing.recent_writes import RecentWrites
from ops.supervisor.embedded_redis import EmbeddedRedis
from shared.clock import ManualClock
from shared.messages.base import SERVICE, SIGNALS
from shared.messages.events import read_event
from shared.messages.service import ServerWentBack
from shared.redis.client import connect_redis
from shared.redis.server_memory import ServerMemory
from shared.redis.streams import PublishedEntry, publish_once, stream_tail
from tests.buyer.builders import a_signal

pytestmark = [pytest.mark.server]


class Teller:
    """What publishes signals of one leader, and remembers them."""

    def __init__(self, server: EmbeddedRedis) -> None:
        self.server, self.clock, self.memory = server, ManualClock(), ServerMemory()
        self.redis = connect_redis(server.url, greet=self.memory.greet)
        self.recent = RecentWrites(self.clock, self.memory)

    def tell(self, name: str) -> None:
        event = a_signal(id=name * 64)

        def publish() -> PublishedEntry:
            return publish_once(self.redis, SIGNALS, event, fact=f"{event.leader}:{name}", age=1)

        self.recent.remember(SIGNALS, (publish(),), lambda: (publish(),))

    def tell_again(self) -> int:
        return self.recent.tell_again(self.redis, lambda write: write())

    def put_back(self, copy: Path) -> None:
        self.server.kill()
        shutil.rmtree(self.server.folder / "appendonlydir")
        shutil.copytree(copy, self.server.folder / "appendonlydir")
        self.server.restart()

    @property
    def told(self) -> list[str]:
        return [str(getattr(read_event(entry.json), "id", ""))[0] for entry in stream_tail(self.redis, SIGNALS, 100)]


@pytest.mark.pitfall(50)
def test_what_a_server_forgot_is_told_again_once_and_how_much_that_was_is_said(
    redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    teller = Teller(redis_server)
    teller.tell("a")
    shutil.copytree(redis_server.folder / "appendonlydir", tmp_path / "copy")
    teller.tell("b")
    teller.tell("c")
    teller.put_back(tmp_path / "copy")

    teller.redis.ping()
    again = teller.tell_again(), teller.tell_again()

    assert again == (2, 0)
    assert teller.told == ["a", "b", "c"]
    (event,) = [read_event(entry.json) for entry in stream_tail(teller.redis, SERVICE, 10)]
    assert isinstance(event, ServerWentBack)
    assert (event.service, event.what, event.told_again) == ("detector", SIGNALS, 2)


@pytest.mark.pitfall(50)
def test_a_gap_that_the_server_forgot_is_stored_again_and_one_that_was_read_is_not(
    redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    teller, leader = Teller(redis_server), "0x" + "a1" * 20
    cursors = CursorStore(teller.redis)
    gaps = BackfillGaps(teller.redis, "data_api", cursors)
    teller.recent.stand(gaps.store_again)
    teller.tell("a")
    shutil.copytree(redis_server.folder / "appendonlydir", tmp_path / "copy")
    read, open_still = BackfillGap(leader, 100, 200), BackfillGap(leader, 300, 400)
    gaps.open_gap(read)
    gaps.open_gap(open_still)
    gaps.close_gap(read)
    teller.tell("b")
    teller.put_back(tmp_path / "copy")

    teller.redis.ping()
    teller.tell_again()

    assert teller.redis.hgetall(GAPS) == {f"data_api:{leader}:400": "300"}
    assert CursorStore(teller.redis).get("data_api", leader) == 400, "nobody skips what lies before"


@pytest.mark.pitfall(50)
def test_a_server_that_only_restarted_lost_nothing(redis_server: EmbeddedRedis) -> None:
    teller = Teller(redis_server)
    teller.tell("a")
    redis_server.kill()
    redis_server.restart()

    teller.redis.ping()

    assert (teller.tell_again(), teller.told) == (0, ["a"])


@pytest.mark.pitfall(50)
def test_what_a_server_forgot_is_told_again_also_where_others_have_written_on_since(
    redis_server: EmbeddedRedis, tmp_path: Path
) -> None:
    """Another detector was back sooner, so the stream's newest entry is newer than any of ours."""
    teller, other = Teller(redis_server), Teller(redis_server)
    teller.tell("a")
    shutil.copytree(redis_server.folder / "appendonlydir", tmp_path / "copy")
    teller.tell("b")
    teller.put_back(tmp_path / "copy")
    other.tell("c")

    teller.redis.ping()

    assert teller.tell_again() == 1
    assert teller.told == ["a", "c", "b"]


@pytest.mark.pitfall(50)
def test_a_stream_that_was_only_trimmed_has_lost_nothing(redis_server: EmbeddedRedis) -> None:
    teller, other = Teller(redis_server), Teller(redis_server)
    teller.tell("a")
    other.tell("b")
    teller.redis.xtrim(SIGNALS, maxlen=1, approximate=False)
    redis_server.kill()
    redis_server.restart()

    teller.redis.ping()

    assert teller.tell_again() == 0
