"""Histories as a worker opens them: by what a sweep's list says, never by a path that a job names."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

from backtest.sweep.contents import FileContent
from backtest.sweep.trial import HistoryPaths, TrialSpec
from ops.research.contents.file_cache import FileCache
from ops.research.contents.redis_files import RedisFiles
from shared.clock import Clock
from shared.domain.errors import BadConfig, TryAgain

TRIES = 4
RETRY_S = 2.0

Source = Callable[[FileContent], Iterator[bytes]]


class WorkerHistories:
    """Opens the files of a spec: those in the cache, else from each source in turn. Call it as an `OpenPaths`."""

    def __init__(
        self, cache: FileCache, listed: RedisFiles, sources: Sequence[Source], *, clock: Clock, stop: threading.Event
    ) -> None:
        self._cache, self._listed, self._sources = cache, listed, sources
        self._clock, self._stop = clock, stop

    @contextmanager
    def __call__(self, spec: TrialSpec) -> Generator[HistoryPaths]:
        """Have the files as long as the block lasts.

        Raises:
            BadConfig: a file is nowhere to be had, or is another; naming it.
        """
        with self._cache.opened(self._listed.listed(spec.history), self._fetch) as paths:
            yield paths

    def _fetch(self, file: FileContent, out: BinaryIO) -> None:
        """Write a file from the first source that has it whole; who publishes it may be about to."""
        reasons: list[str] = []
        for attempt in range(TRIES):
            self._clock.wait(self._stop, RETRY_S * attempt)
            reasons = []
            for source in self._sources:
                try:
                    _write(source(file), file, out)
                except TryAgain as error:
                    reasons.append(str(error))
                else:
                    return
        raise BadConfig(
            f"{file.name}: this worker cannot have it: {'; '.join(reasons)}. Raise SWEEP_REDIS_MB where the sweep is "
            "started, set SWEEP_STORE on all machines, or start this worker with --have FOLDER"
        )


def _write(chunks: Iterator[bytes], file: FileContent, out: BinaryIO) -> None:
    """Write from the beginning, and not much more than the file has: what comes is a stranger's."""
    out.seek(0)
    out.truncate()
    for chunk in chunks:
        out.write(chunk)
        if out.tell() > file.size:
            return
