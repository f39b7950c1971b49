"""Puts together how files of sweeps get from who starts one to the workers, by the settings of both."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from redis import Redis

from backtest.sweep.contents import HistoryContent, content_places, read_content
from ops.research.contents.file_cache import FileCache
from ops.research.contents.published_files import PublishedFiles
from ops.research.contents.redis_files import RedisFiles
from ops.research.contents.settings import MB, SweepSettings
from ops.research.contents.shared_store import SharedStore
from ops.research.contents.worker_histories import WorkerHistories
from redeemer.jobs.queue import bytes_connection
from shared.clock import Clock
from shared.domain.errors import BadConfig

FOLDER = "files"
"""The cache's folder, beside the scores; workers of this machine with the same data folder share it."""


def published_files(
    cfg: SweepSettings, content: HistoryContent, files: Sequence[Path], resolved: Sequence[Path], redis: Redis, at: Path
) -> PublishedFiles:
    """Return what offers the files; workers of this machine with the same data folder are told where they lie.

    Raises:
        BadConfig: SWEEP_STORE names no place; DependencyMissing: what it needs is not installed.
    """
    cache, places = FileCache(at / FOLDER, cfg.sweep_cache_mb * MB), dict(content_places(content, files, resolved))
    with suppress(BadConfig):  # a folder that cannot be written: this machine's workers fetch as others do
        for file, place in places.items():
            cache.note(file.sha256, place)
    store = SharedStore(cfg.sweep_store) if cfg.sweep_store else None
    listed = RedisFiles(bytes_connection(redis))
    return PublishedFiles(content, places, listed, store, cap_bytes=cfg.sweep_redis_mb * MB)


def worker_histories(
    cfg: SweepSettings, redis: Redis, at: Path, have: Sequence[Path], *, clock: Clock, stop: threading.Event
) -> WorkerHistories:
    """Return what a worker opens histories by; `have` are files and folders that this machine has already.

    Raises:
        BadConfig: SWEEP_STORE names no place, or one of `have` is not there; DependencyMissing: what it needs is not
            installed.
    """
    cache, listed = FileCache(at / FOLDER, cfg.sweep_cache_mb * MB), RedisFiles(bytes_connection(redis))
    for file, place in content_places(read_content(have), have, ()):
        cache.note(file.sha256, place)
    sources = [listed.fetch, SharedStore(cfg.sweep_store).fetch] if cfg.sweep_store else [listed.fetch]
    return WorkerHistories(cache, listed, sources, clock=clock, stop=stop)
