"""What a program says on stderr when it ends: one plain line each, secrets hidden."""

import contextlib
import sys

from shared.domain import exit_codes
from shared.domain.redaction import redact_secrets
from shared.process.shutdown_signals import ToldToStop


def say_event(program: str, error: BaseException) -> int:
    """Write the one plain line of `error` to stderr; return its exit code."""
    say_line(exit_codes.plain_line(program, error))
    return exit_codes.exit_code(error)


def say_stopped(program: str, told: ToldToStop) -> int:
    """Say that a program was told to stop while it still started; return its exit code."""
    say_line(f"{program}: {told}: ended before it began")
    return exit_codes.CLEAN


def say_line(line: str) -> None:
    """Write one line to stderr, secrets hidden; a closed stderr is no reason to fail."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(str(redact_secrets(line)) + "\n")
        sys.stderr.flush()
