"""The embedded server: ours alone answers, nobody else reads its folder, and it always ends."""

import signal
from pathlib import Path

import pytest

from ops import embedded_redis
from ops.embedded_redis import EmbeddedRedis
from shared.errors import DependencyMissing

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
