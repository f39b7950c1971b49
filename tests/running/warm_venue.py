"""The local venue as a process of its own, as `ops.demo.demo.simulator` starts it, but forked from what is imported."""

import json
import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

from ops.demo.demo import DemoWorld
from shared.clock import Clock
from shared.process.shutdown_signals import DIE_WITH_PARENT
from tests.running.warm_process import WarmProcess
from tests.waiting import PATIENCE_S


@contextmanager
def simulator(clock: Clock, *words: str) -> Generator[DemoWorld]:
    """Run `python -m simulator` with these words while the block runs."""
    environment = {**os.environ, DIE_WITH_PARENT: str(os.getpid())}
    with WarmProcess(["simulator", *words], env=environment, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            yield DemoWorld(json.loads(process.stdout.readline()), clock, process.pid)
        finally:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(PATIENCE_S)
