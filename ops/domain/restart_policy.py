"""The rule that says whether, and when, a program that ended starts again. Pure."""

from dataclasses import dataclass

from shared.domain import exit_codes
from shared.domain.backoff import Backoff


@dataclass(frozen=True)
class RestartBackoff:
    """Seconds before a restart: `first_s`, growing by `factor` up to `most_s`; `steady_s` of work forgets crashes."""

    first_s: float = 0.5
    factor: float = 2.0
    most_s: float = 30.0
    steady_s: float = 60.0


@dataclass(frozen=True)
class RestartAgain:
    """Start it again after `after_s`; it has now crashed `crashes` times in a row."""

    after_s: float
    crashes: int


@dataclass(frozen=True)
class RestartDone:
    """Its work is done; leave it."""


@dataclass(frozen=True)
class RestartHalt:
    """Starting it again cannot help: the operator has to act, so everything stops."""

    code: int


def after_exit(
    code: int, ran_s: float, crashes: int, backoff: RestartBackoff
) -> RestartAgain | RestartDone | RestartHalt:
    """Judge a program that ended with `code` (below 0: killed by that signal) after `ran_s` and earlier `crashes`."""
    if code == exit_codes.CLEAN:
        return RestartDone()
    if code in {exit_codes.BAD_CONFIG, exit_codes.DEPENDENCY_MISSING, exit_codes.REFUSED_FOR_SAFETY}:
        return RestartHalt(code)
    before = 0 if ran_s >= backoff.steady_s else crashes
    return RestartAgain(Backoff(backoff.first_s, backoff.most_s, backoff.factor).wait_s(before), before + 1)
