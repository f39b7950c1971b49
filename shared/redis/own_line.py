"""A connection of each thread's own: a command costs half of what it does through redis-py's pool."""

import os
import threading
from collections.abc import Callable
from typing import Any, cast

from redis import Redis
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionLost


class _Own(threading.local):
    """A thread's connection, and the process that opened it: a forked one must not share it."""

    line: AbstractConnection | None = None
    pid = 0


class OwnLine:
    """Sends one command at a time on the calling thread's connection, with the settings of `redis`."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._own = redis, _Own()

    def ask(self, *command: Any, meanwhile: Callable[[], object] | None = None) -> Any:  # noqa: ANN401 - a server's answer
        """Send and read, and do `meanwhile` in between; nothing is ever sent twice.

        The connection closes itself when a send or a read fails, so none is used again half read.

        Raises:
            RedisError: the server is away, or what it answered.
        """
        line = self._answering()
        line.send_command(*command)
        if meanwhile is not None:
            _done(meanwhile, line)
        return cast("Any", line.read_response())

    def _answering(self) -> AbstractConnection:
        """Return a connection that answers; one that the server closed meanwhile is opened again."""
        line, pool = self._own.line, self._redis.connection_pool
        if line is None or self._own.pid != os.getpid():
            line = pool.connection_class(**pool.connection_kwargs)
            self._own.line, self._own.pid = line, os.getpid()
        try:
            if not line.can_read():  # it connects one that is not connected
                return line
        except (ConnectionLost, OSError):
            pass
        line.disconnect()
        line.connect()
        return line


def _done(work: Callable[[], object], connection: AbstractConnection) -> None:
    """Do `work` while an answer is due; should it raise, nobody may read that answer as his own."""
    try:
        work()
    except BaseException:
        connection.disconnect()
        raise
