"""A connection of each thread's own: a command takes little more than half the processor time of redis-py's pool."""

import os
import select
import socket
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, cast

import hiredis
from redis import Redis
from redis.connection import AbstractConnection
from redis.exceptions import MasterDownError, ReadOnlyError, ResponseError

from shared.redis.connection.key_prefix import PrefixPacker

Pack = Callable[[tuple[Any, ...]], bytes]
_plain = cast("Pack", hiredis.pack_command)
_NO_PRIMARY = (ReadOnlyError, MasterDownError)
"""What a replica answers: the primary may be at the same name by now, which only a new connection finds."""


class _Own(threading.local):
    """A thread's connection while nothing is due on it; one that is dropped closes itself."""

    line: AbstractConnection | None = None
    news: "select.poll | None" = None
    """Tells whether anything came on it unasked."""


@lru_cache(maxsize=32)
def own_line(redis: Redis) -> "OwnLine":
    """Return the line of a client: all that a thread asks by it goes over one connection."""
    return OwnLine(redis)


class OwnLine:
    """Sends commands on the calling thread's connection, with the settings of `redis`."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._own = redis, _Own()
        self._pack = command_packer(redis)

    def ask(self, *command: Any, meanwhile: Callable[[], object] | None = None) -> Any:  # noqa: ANN401 - a server's answer
        """Send and read, and do `meanwhile` in between; nothing is ever sent twice.

        Raises:
            RedisError: the server is away, or what it answered.
        """
        (answer,) = self.ask_all((command,), meanwhile)
        if isinstance(answer, ResponseError):
            raise answer
        return answer

    def ask_all(self, commands: Sequence[Sequence[Any]], meanwhile: Callable[[], object] | None = None) -> list[Any]:
        """Send all at once and return what is answered to each: an error is an answer, too.

        The connection is taken away meanwhile and comes back when its answers were read: whatever raises in between,
        or asks once more, nobody reads another's answer.

        Raises:
            RedisError: the server is away, or no primary any more; some may have been carried out.
        """
        if not commands:
            return []
        line = self._taken()
        try:
            line.send_packed_command([b"".join([self._pack(tuple(command)) for command in commands])])
            if meanwhile is not None:
                meanwhile()
            answers = [read_answer(line) for _ in commands]
        except BaseException:
            line.disconnect()
            raise
        self._own.line = line
        return answers

    def _taken(self) -> AbstractConnection:
        """Take a connection that answers; one that the server closed meanwhile is opened again."""
        line, self._own.line = self._own.line, None
        if line is None or line.pid != os.getpid():  # a forked process must not speak on its parent's
            pool = self._redis.connection_pool
            line = pool.connection_class(**pool.connection_kwargs)
        elif self._own.news is not None and not self._own.news.poll(0):
            return line
        else:
            line.disconnect()
        line.connect()
        self._own.news = _listening(line)
        return line


def _listening(line: AbstractConnection) -> "select.poll":
    """Return what tells whether the server closed it or said anything unasked; redis-py makes one for each look."""
    news = select.poll()
    news.register(cast("socket.socket", line._sock), select.POLLIN)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - it has no other name
    return news


def command_packer(redis: Redis) -> Pack:
    """Return what makes bytes of a client's commands."""
    packer: PrefixPacker | None = redis.connection_pool.connection_kwargs.get("command_packer")
    return (lambda command: packer.pack(*command)[0]) if packer else _plain


def read_answer(line: AbstractConnection) -> Any:  # noqa: ANN401 - a server's answer
    """Return what the server answers; an error of the command is an answer too."""
    try:
        return cast("Any", line.read_response())
    except _NO_PRIMARY:
        raise
    except ResponseError as error:
        return error
