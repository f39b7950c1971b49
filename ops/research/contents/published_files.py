"""A sweep's files as who starts it offers them: in Redis up to a cap, or in the place that all machines see."""

from collections.abc import Mapping
from pathlib import Path

from backtest.sweep.contents import FileContent, HistoryContent
from ops.research.contents.redis_files import RedisFiles
from ops.research.contents.settings import MB
from ops.research.contents.shared_store import SharedStore
from shared.domain.errors import BadConfig


class PublishedFiles:
    """The files of one history; `places` says where each lies here."""

    def __init__(
        self,
        content: HistoryContent,
        places: Mapping[FileContent, Path],
        redis: RedisFiles,
        store: SharedStore | None = None,
        *,
        cap_bytes: int = 64 * MB,
    ) -> None:
        self._content, self._places, self._redis, self._store = content, places, redis, store
        self._fits, self._stored = content.size <= cap_bytes, False

    @property
    def words(self) -> str:
        """Say how workers on other machines get the files."""
        files = f"the sweep's files ({self._content.size:,} bytes)"
        if self._store:
            return f"{files} are in {self._store.shown}: workers fetch what they lack"
        if self._fits:
            return f"{files} are in Redis until this ends: workers fetch what they lack"
        return (
            f"{files} are more than SWEEP_REDIS_MB, so workers elsewhere must have them: raise it, set SWEEP_STORE on "
            "all machines, or start them with `hybrid sweep-worker --have FOLDER`"
        )

    def keep(self) -> None:
        """Offer what is not there yet, and keep the rest.

        Raises:
            BadConfig: a file here cannot be read any more.
            Unavailable: Redis or the store does not take them.
        """
        self._redis.list_content(self._content)
        try:
            self._offer()
        except OSError as error:
            raise BadConfig(f"{error.filename}: {error.strerror or error}; the sweep's files must stay") from error

    def remove(self) -> None:
        """Take everything out of Redis; what is in a store stays."""
        self._redis.remove(self._content)

    def _offer(self) -> None:
        if self._store and not self._stored:
            for file in self._content.distinct:
                self._store.put(file, self._places[file])
            self._stored = True
        elif self._fits and not self._store:
            for file in self._redis.keep(self._content.distinct):
                self._redis.put(file, self._places[file])
