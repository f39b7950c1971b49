"""The embedded server: ours alone answers, nobody else reads its folder, and it always ends."""

import os
import signal
from pathlib import Path
from typing import Self

import pytest

from ops import embedded_redis
from ops.embedded_redis import EmbeddedRedis
from shared.errors import DependencyMissing
from shared.interrupts import ToldToStop

pytestmark = pytest.mark.server


def test_a_stranger_on_its_port_is_not_taken_for_ours(redis_server: EmbeddedRedis, tmp_path: Path) -> None:
    with pytest.raises(DependencyMissing, match="did not start"):
        EmbeddedRedis(tmp_path / "other", port=redis_server.port).start()


def test_only_its_owner_reads_its_folder(redis_server: EmbeddedRedis) -> None:
    assert redis_server.folder.stat().st_mode & 0o777 == 0o700


def test_a_server_that_does_not_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_redis, "_ENDS_S", 0.2)
    server = EmbeddedRedis(tmp_path / "valkey").start()
    server._end(signal.SIGCONT)

    assert server.pid is None


class Interrupted(EmbeddedRedis):
    """A server whose start takes so long that somebody presses Ctrl-C."""

    def start(self) -> Self:
        super().start()
        self.left = self.pid
        os.kill(os.getpid(), signal.SIGINT)
        return self


@pytest.mark.pitfall(61)
def test_a_start_that_is_interrupted_leaves_no_server_behind(tmp_path: Path) -> None:
    server = Interrupted(tmp_path / "valkey")

    with pytest.raises(ToldToStop, match="SIGINT"), server:
        pytest.fail("it was told to stop before it began")

    assert server.pid is None
    assert server.left is not None
    with pytest.raises(ProcessLookupError):
        os.kill(server.left, 0)


@pytest.mark.pitfall(61)
def test_ctrl_c_does_not_reach_the_server_for_it_is_in_no_group_of_ours(redis_server: EmbeddedRedis) -> None:
    assert redis_server.pid is not None
    assert os.getpgid(redis_server.pid) != os.getpgid(0)
