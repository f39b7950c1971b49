"""The demo ends, with its reason, when what it shows does."""

import threading
from typing import Any, cast

import pytest

from ops.pipeline import Pipeline, running
from shared.errors import BadConfig


class Broken:
    """A pipeline whose program cannot start."""

    def run(self, _: Any) -> None:
        raise BadConfig("HEALTH_PORT=80: taken")


def test_a_pipeline_that_ends_by_itself_ends_the_demo_with_its_reason() -> None:
    ended = threading.Event()

    with pytest.raises(BadConfig, match="HEALTH_PORT"), running(cast("Pipeline", Broken()), ended):
        assert ended.wait(5)
