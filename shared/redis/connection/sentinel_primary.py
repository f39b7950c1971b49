"""The primary that sentinels name, and connections that lead to it, and to nobody else.

redis-py asks the sentinels when it connects, and never again on a connection that stands. In a *planned* failover the
old primary goes on answering for some ten seconds, and what it is told then is gone. So a thread asks several times a
second, and ends every connection that leads elsewhere. Of several answers the one of the highest configuration epoch
counts: https://valkey.io/topics/sentinel/#configuration-epochs.
"""

import contextlib
import os
import socket
import threading
import weakref
from functools import lru_cache
from typing import Any, cast

from redis import Redis
from redis.backoff import NoBackoff
from redis.connection import AbstractConnection, Connection, SSLConnection
from redis.exceptions import AuthenticationError, RedisError, ResponseError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as NoAnswer
from redis.retry import Retry
from redis.sentinel import Sentinel

from shared.clock import Clock, SystemClock
from shared.domain.errors import BadConfig
from shared.redis.connection.server_url import SentinelPlace

LOOK_EVERY_S = 0.25
ANSWER_S = 1.0
"""How long a sentinel may take; one that takes longer is passed over."""
_AWAY = (ConnectionLost, NoAnswer)
_UNKNOWN_NAME = "No such master"

Address = tuple[str, int]


class PrimaryWatch(threading.Thread):
    """Watches a primary for as long as anybody is connected to it; nobody waits for its end."""


class SentinelPrimary:
    """What sentinels say of one primary; all connections of this process to it, on any thread."""

    def __init__(self, place: SentinelPlace, clock: Clock) -> None:
        self.place, self._clock, self._lock = place, clock, threading.Lock()
        given: dict[str, Any] = {
            "socket_timeout": ANSWER_S,
            "socket_connect_timeout": ANSWER_S,
            "retry": Retry(NoBackoff(), 0),
        }
        self._sentinels: list[Redis] = Sentinel(
            place.sentinels, sentinel_kwargs={**given, **dict(place.options), "decode_responses": True}
        ).sentinels
        self._address: Address | None = None
        self._epoch = 0
        self._led: weakref.WeakSet[AbstractConnection] = weakref.WeakSet()
        self._watching = 0

    def find(self) -> Address:
        """Ask where the primary is.

        Raises:
            ConnectionError: no sentinel answers, or it is down and no other was elected yet.
            BadConfig: they refuse our login, or know no such name.
        """
        answers, problems = list[tuple[Redis, dict[str, Any]]](), list[RedisError]()
        for sentinel in self._sentinels:
            try:
                answers.append((sentinel, cast("dict[str, Any]", sentinel.sentinel_master(self.place.name))))
            except RedisError as error:
                problems.append(error)
        if not answers:
            raise self._unanswered(problems)
        epoch = max(_epoch(answer) for _, answer in answers)
        if epoch < self._epoch and problems:
            raise ConnectionLost(f"sentinels that knew where {self.place.name} went do not answer: {problems[0]}")
        address = self._named([one for one in answers if _epoch(one[1]) == epoch])
        self._moved(address, epoch)
        if address is None:
            raise ConnectionLost(f"{self.place.name} is being handed over to a replica")
        return address

    def _named(self, answers: list[tuple[Redis, dict[str, Any]]]) -> Address | None:
        """Return the primary of answers that know as much; None while a replica is being promoted.

        The sentinel that promotes it names it, once that is done, before it says so of the name as a whole.

        Raises:
            ConnectionError: it is down.
        """
        for sentinel, answer in answers:
            if "failover_in_progress" in str(answer["flags"]):
                found = sentinel.sentinel_get_master_addr_by_name(self.place.name)
                promoted = cast("Address | None", found)
                return promoted if promoted != _address(answer) else None
        _, answer = answers[0]
        if answer.get("is_sdown") or answer.get("is_odown"):
            raise ConnectionLost(f"the sentinels hold {self.place.name} for down and have elected no other yet")
        return _address(answer)

    def adopt(self, connection: AbstractConnection, address: Address) -> None:
        """End `connection`, which leads to `address`, once the primary is elsewhere.

        Raises:
            ConnectionError: it is by now.
        """
        with self._lock:
            if address != self._address:
                raise ConnectionLost(f"the primary {self.place.name} moved while we connected to it")
            self._led.add(connection)
            watched, self._watching = self._watching == os.getpid(), os.getpid()
        if not watched:
            PrimaryWatch(target=self._watch, name=f"sentinel-{self.place.name}", daemon=True).start()

    def _unanswered(self, problems: list[RedisError]) -> Exception:
        """Name why no sentinel answers; that all refuse us does not pass by itself."""
        away = next(
            (
                problem
                for problem in problems
                if isinstance(problem, _AWAY) and not isinstance(problem, AuthenticationError)
            ),
            None,
        )
        if away is not None:
            return ConnectionLost(f"no sentinel answers: {away}")
        fix = "give the sentinels' own login as ?sentinel_username= (if they have users) and sentinel_password="
        if _UNKNOWN_NAME in str(problems[0]):
            fix = "name it in REDIS_URL as their `sentinel monitor` does"
        return BadConfig(f"The sentinels of {self.place} refuse us: {problems[0]}; {fix}")

    def _moved(self, address: Address | None, epoch: int) -> None:
        """Take note of where it is, None for between two; end what leads elsewhere, on a thread that waits, too."""
        with self._lock:
            left = list(self._led) if address != self._address else []
            self._address, self._epoch = address, epoch
            if left:
                self._led = weakref.WeakSet()
        for connection in left:
            _hang_up(connection)

    def _watch(self) -> None:
        """Ask again and again while anybody is connected."""
        never = threading.Event()
        while not self._clock.wait(never, LOOK_EVERY_S):
            with self._lock:
                if not self._led:
                    self._watching = 0
                    return
            with contextlib.suppress(RedisError, BadConfig):
                self.find()


class PrimaryConnection(Connection):
    """A connection to wherever the primary is when it connects."""

    def __init__(self, *, primary: SentinelPrimary, **options: Any) -> None:  # noqa: ANN401 - redis-py's own options
        super().__init__(**options)
        self._primary, self._found = primary, ("", 0)

    def _connect(self) -> Any:  # noqa: ANN401 - a socket, in TLS or not
        self._found = self.host, self.port = self._primary.find()
        return super()._connect()

    def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py calls it
        """Log in, and see that this is a primary: sentinels name a server that just began again before they know."""
        super().on_connect_check_health(check_health=check_health)
        if _role(self) not in {"master", ""}:
            raise ConnectionLost(f"{self.host}:{self.port} is named as {self._primary.place.name}, and is a replica")
        self._primary.adopt(self, self._found)


class PrimaryTlsConnection(PrimaryConnection, SSLConnection):
    """The same with TLS."""


@lru_cache(maxsize=16)
def sentinel_primary(place: SentinelPlace) -> SentinelPrimary:
    """Return what this process knows of a primary."""
    return SentinelPrimary(place, SystemClock())


def _role(connection: AbstractConnection) -> str:
    """Return what the server says it is; '' where our user may not ask."""
    connection.send_command("ROLE")
    try:
        word = cast("list[Any]", connection.read_response())[0]
    except ResponseError:
        return ""
    return word.decode() if isinstance(word, bytes) else str(word)


def _epoch(answer: dict[str, Any]) -> int:
    return int(answer.get("config-epoch", 0))


def _address(answer: dict[str, Any]) -> Address:
    return str(answer["ip"]), int(answer["port"])


def _hang_up(connection: AbstractConnection) -> None:
    line = connection._get_socket()  # pyright: ignore[reportPrivateUsage] # noqa: SLF001 - `disconnect` may only be called on its own thread
    with contextlib.suppress(OSError):
        if line is not None:
            line.shutdown(socket.SHUT_RDWR)
