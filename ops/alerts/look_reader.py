"""Look at what no event tells: which process is silent, how full the disk is, whose money is traded."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from redis import Redis

from ops.alerts.domain.watch_state import LimitUse, LostProcess, StandingAlarm, WatchLook
from shared.clock import Clock
from shared.domain.trading_words import MODES
from shared.process.beats import ProcessStanding, read_standings, standing_text

_GB = 1e9
_BUYING = frozenset({"buyer", "service"})
OURSELVES = "alerts"


class Figures(NamedTuple):
    """Limits with how much of them is used, what stands wrong, and the lines of a digest."""

    limits: tuple[LimitUse, ...] = ()
    alarms: tuple[StandingAlarm, ...] = ()
    lines: tuple[str, ...] = ()


ReadFigures = Callable[[str], Figures]
"""Reads them for one mode."""


def no_figures(mode: str) -> Figures:
    """Return none."""
    del mode
    return Figures()


class LookReader:
    """Looks at the server and at the disk of a folder."""

    def __init__(self, redis: Redis, clock: Clock, folder: Path, figures: ReadFigures = no_figures) -> None:
        self._redis, self._clock, self._folder, self._figures = redis, clock, folder, figures

    def look(self) -> WatchLook:
        """Return how it stands.

        Raises:
            Unavailable: the server is away.
        """
        standings = [one for one in read_standings(self._redis) if one.service != OURSELVES]
        modes = traded_modes(standings)
        found = [self._figures(mode) for mode in modes]
        disk_pct, free_gb, disk = self._disk()
        return WatchLook(
            now_ms=self._clock.now_ms(),
            lost=tuple(_lost(one) for one in standings if one.lost),
            working=frozenset(one.service for one in standings if one.working),
            limits=tuple(use for figures in found for use in figures.limits),
            alarms=tuple(alarm for figures in found for alarm in figures.alarms),
            disk_pct=disk_pct,
            disk_free_gb=free_gb,
            disk=disk,
            figures=tuple(line for figures in found for line in figures.lines),
            mode=modes[0] if modes else "",
        )

    def _disk(self) -> tuple[float | None, float, str]:
        """Return how full the disk of our folder, or of the nearest one above it that is there, is."""
        whole = self._folder.absolute()
        folder = next(place for place in (whole, *whole.parents) if place.is_dir())
        try:
            usage = shutil.disk_usage(folder)
        except OSError:
            return None, 0.0, str(folder)
        return usage.used * 100 / max(1, usage.used + usage.free), usage.free / _GB, str(folder)


def traded_modes(standings: list[ProcessStanding]) -> tuple[str, ...]:
    """Return whose money is traded, real money first."""
    modes = {one.beat.mode for one in standings if one.service in _BUYING and (one.working or one.lost)}
    return tuple(mode for mode in reversed(MODES) if mode in modes)


def _lost(one: ProcessStanding) -> LostProcess:
    reason = f": {one.beat.reason}" if one.beat.reason else ""
    return LostProcess(
        instance=one.beat.instance, service=one.service, words=f"{standing_text(one)}{reason}"[:300], mode=one.beat.mode
    )
