"""One connection on which commands go out while earlier ones still wait for their answers: a long way costs once.

The server carries out what comes by one connection in its order, whoever sent it. Whoever wants an answer reads those
before it as well, so no thread is needed to read. What breaks the connection is the answer to all that was due on it.
"""

import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from redis import Redis
from redis.connection import AbstractConnection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError

from shared.redis.own_line import command_packer, read_answer


@lru_cache(maxsize=32)
def pipelined_line(redis: Redis) -> "PipelinedLine":
    """Return the line of a client that all its threads share."""
    return PipelinedLine(redis)


class SentCommands:
    """Commands that were sent at once, and what the server answers to each."""

    def __init__(self, link: "_Link", count: int) -> None:
        self._link, self.count = link, count
        self.answers: list[Any] | None = None
        self.error: RedisError | None = None

    def wait(self) -> list[Any]:
        """Return the answers, in order: an error is an answer, too. Any thread may ask, and again.

        Raises:
            RedisError: the connection broke, or leads to no primary any more; some may have been carried out.
        """
        while self.answers is None and self.error is None:
            self._link.read_for(self)
        if self.answers is None:
            raise self.error or ConnectionLost("no answer")
        return self.answers


class LateAnswers:
    """Answers that come later; any thread may ask, and the first one finds out for all."""

    def __init__(self, find: Callable[[], list[Any]]) -> None:
        self._find, self._lock = find, threading.Lock()
        self._answers: list[Any] = []
        self._error: Exception | None = None
        self._heard = False

    def answer(self, place: int) -> Any:  # noqa: ANN401 - a server's answer
        """Wait for the server, and return what it answered in one place.

        Raises:
            What finding out raised, to whoever asks; an error that stands in its place, to who asks for that.
        """
        with self._lock:
            if not self._heard:
                self._hear()
        if self._error is not None:
            raise self._error
        answer = self._answers[place]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _hear(self) -> None:
        self._heard = True
        try:
            self._answers = self._find()
        except Exception as error:  # noqa: BLE001 - raised to whoever asks
            self._error = error


class PipelinedLine:
    """Sends commands of any thread on one connection, with the settings of `redis`; nothing is ever sent twice."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._pack = redis, command_packer(redis)
        self._sending = threading.Lock()
        self._link: _Link | None = None

    def send(self, commands: Sequence[Sequence[Any]]) -> SentCommands:
        """Send all at once, behind what was sent before.

        Raises:
            RedisError: the server is away; what was sent before fails by itself.
        """
        packed = [self._pack(tuple(command)) for command in commands]
        with self._sending:
            link = self._taken()
            sent = SentCommands(link, len(packed))
            link.due.append(sent)
            try:
                link.connection.send_packed_command(packed, check_health=False)
            except BaseException as error:
                link.end(error)
                raise
        return sent

    def _taken(self) -> "_Link":
        """Return a connection that answers: a new one where the last one broke, or was closed while nothing was due."""
        link = self._link
        if link is None or not link.is_usable():
            pool = self._redis.connection_pool
            connection = pool.connection_class(**pool.connection_kwargs)
            connection.connect()
            link = self._link = _Link(connection)
        return link


class _Link:
    """A connection, and what is due on it, oldest first. One thread at a time sends, and one reads."""

    def __init__(self, connection: AbstractConnection) -> None:
        self.connection, self.due = connection, deque[SentCommands]()
        self._is_read, self._news = False, threading.Condition()
        self._broken: RedisError | None = None

    def is_usable(self) -> bool:
        if self._broken is not None or self.connection.pid != os.getpid():  # a fork must not speak on its parent's
            return False
        if self.due or _is_good(self.connection):
            return True
        self.end(ConnectionLost("closed by the server"))
        return False

    def read_for(self, wanted: SentCommands) -> None:
        """Read the oldest answer, or wait until another thread has: it may be the one that is wanted."""
        with self._news:
            if self._is_read:
                self._news.wait()
                return
            if wanted.answers is not None or wanted.error is not None:
                return
            self._is_read = True
        try:
            self._read_oldest()
        finally:
            with self._news:
                self._is_read = False
                self._news.notify_all()

    def _read_oldest(self) -> None:
        """Whatever breaks in between, nobody reads another's answer: the connection goes, with all that is due."""
        if self._broken is not None:
            self.end(self._broken)
            return
        try:
            sent = self.due[0]
            answers = [read_answer(self.connection) for _ in range(sent.count)]
            with self._news:  # whoever breaks it meanwhile has taken this away, and what follows is not ours to take
                if sent.error is None:
                    sent.answers = answers
                    self.due.popleft()
        except BaseException as error:
            self.end(error)
            if not isinstance(error, Exception):
                raise

    def end(self, error: BaseException) -> None:
        """Answer everything that is due with `error`, and let the connection go."""
        named = error if isinstance(error, RedisError) else ConnectionLost(f"{type(error).__name__}: {error}")
        self._broken = self._broken or named
        self.connection.disconnect()
        with self._news:
            while self.due:
                self.due.popleft().error = named
            self._news.notify_all()


def _is_good(line: AbstractConnection) -> bool:
    """Tell whether the server neither closed it nor said anything unasked."""
    try:
        return not line.can_read()
    except (ConnectionLost, OSError):
        return False
