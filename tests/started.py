"""One of our modules as a process that a test starts."""

import os
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

from tests.running.warm_process import WarmProcess
from tests.waiting import PATIENCE_S


@contextmanager
def started(*words: str, **environment: str) -> Generator[subprocess.Popen[str]]:
    """Start one of our modules and leave nothing behind."""
    env = {**os.environ, **environment}
    process = WarmProcess(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)
