"""A sweep's files in Redis: in chunks under their SHA-256, as long as somebody keeps them there."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import cast

from redis import Redis

from backtest.sweep.contents import FileContent, HistoryContent
from shared.domain.errors import BadConfig, Unavailable
from shared.redis.client import answering

CHUNK = 1 << 20
KEPT_S = 600
"""How long files stay after the last word of who started the sweep; it removes them when it ends."""


class RedisFiles:
    """The lists of histories and their files, on a client that answers bytes."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def list_content(self, content: HistoryContent) -> None:
        """Put the list of a history's files there, or keep it."""
        with answering(self._redis):
            self._redis.set(_list_key(content.id), content.model_dump_json(), ex=KEPT_S)

    def listed(self, history: str) -> HistoryContent:
        """Return the list of a history's files.

        Raises:
            Unavailable: it is not there, or the server is away.
            BadConfig: it is not of this history.
        """
        with answering(self._redis):
            found = cast("bytes | None", self._redis.get(_list_key(history)))
        if found is None:
            raise Unavailable(
                "the list of the sweep's files is no longer in Redis: start the same `hybrid sweep` again"
            )
        content = HistoryContent.model_validate_json(found)
        if content.id != history:
            raise BadConfig(f"the list of the sweep's files is of another history ({content.id}, not {history})")
        return content

    def keep(self, files: Iterable[FileContent]) -> list[FileContent]:
        """Keep files for another while; return those that are not whole there."""
        wanted = list(files)
        with answering(self._redis), self._redis.pipeline(transaction=False) as line:
            for file in wanted:
                line.hlen(_file_key(file))
                line.expire(_file_key(file), KEPT_S)
            counts = cast("list[int]", line.execute()[::2])
        return [file for file, count in zip(wanted, counts, strict=True) if count != _chunks(file)]

    def put(self, file: FileContent, path: Path) -> None:
        """Store a file.

        Raises:
            Unavailable: the server is away, or has no memory left.
        """
        with answering(self._redis), path.open("rb") as data:
            for number in range(_chunks(file)):
                with self._redis.pipeline() as line:
                    line.hset(_file_key(file), str(number), data.read(CHUNK))
                    line.expire(_file_key(file), KEPT_S)
                    line.execute()

    def fetch(self, file: FileContent) -> Iterator[bytes]:
        """Yield what a file holds.

        Raises:
            Unavailable: it is not whole there, or the server is away.
        """
        for number in range(_chunks(file)):
            with answering(self._redis):
                found = cast("bytes | None", self._redis.hget(_file_key(file), str(number)))
            if found is None:
                raise Unavailable(f"{file.name}: it is not in Redis")
            yield found

    def remove(self, content: HistoryContent) -> None:
        """Remove a history's list and files."""
        with answering(self._redis):
            self._redis.unlink(_list_key(content.id), *map(_file_key, content.distinct))


def _chunks(file: FileContent) -> int:
    return max(1, -(-file.size // CHUNK))


def _list_key(history: str) -> str:
    return f"hs:sweep:files:{history}"


def _file_key(file: FileContent) -> str:
    return f"hs:sweep:file:{file.sha256}"
