"""One of our modules as a process that a test starts."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from tests.conftest import ROOT
from tests.waiting import PATIENCE_S


@contextmanager
def started(*words: str, **environment: str) -> Generator[subprocess.Popen[str]]:
    """Start one of our modules and leave nothing behind."""
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_S)
