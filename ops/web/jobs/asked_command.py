"""A command's answer as JSON: run in a process of its own, behind everything that trades."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from shared.domain import exit_codes
from shared.domain.errors import BadConfig, HybridError, RefusedForSafety, Unavailable
from shared.process.shutdown_signals import DIE_WITH_PARENT

COMMAND = "ops.cli"
PATIENCE_S = 60.0
_BEHIND = 10
"""How nice a command is to the pipeline: an order goes first."""
_ERRORS: Mapping[int, type[HybridError]] = {
    exit_codes.BAD_CONFIG: BadConfig,
    exit_codes.REFUSED_FOR_SAFETY: RefusedForSafety,
}


def start_behind(words: Sequence[str], environment: Mapping[str, str], *, errors: int) -> subprocess.Popen[str]:
    """Start a program of ours, niced; what leads to a key reaches it only as it reached us."""
    process = subprocess.Popen(  # noqa: S603 - our own program, with words that were checked
        [sys.executable, "-P", "-m", *words],
        env={**os.environ, DIE_WITH_PARENT: "1", "PYTHONUNBUFFERED": "1", **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        errors="replace",
    )
    os.setpriority(os.PRIO_PROCESS, process.pid, _BEHIND)
    return process


def ask_command(words: Sequence[str], environment: Mapping[str, str]) -> Any:  # noqa: ANN401 - any command's JSON
    """Return what a command of ours answers to `--json`.

    Raises:
        BadConfig, RefusedForSafety: with the command's own words.
        Unavailable: it did not answer.
    """
    with start_behind((COMMAND, *words, "--json"), environment, errors=subprocess.PIPE) as process:
        try:
            out, said = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise Unavailable(f"hybrid {words[0]} did not answer within {PATIENCE_S:g} s") from error
    if process.returncode:
        line = (said.strip().splitlines() or [f"ended with {process.returncode}"])[-1].removeprefix("hybrid: ")
        raise _ERRORS.get(process.returncode, Unavailable)(line)
    try:
        return json.loads(out)
    except ValueError as error:
        raise Unavailable(f"hybrid {words[0]} answered what cannot be read") from error
