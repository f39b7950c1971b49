"""One stage a test, its Redis on the stage's clock."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from fakeredis.commands_mixins import server_mixin

from tests.shared.rate_limit.gate_stage import Play


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Iterator[Play]:
    built = Play()
    monkeypatch.setattr(server_mixin, "time", SimpleNamespace(time=built.stage.monotonic))
    yield built
    built.redis.close()
