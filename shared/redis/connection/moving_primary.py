"""A primary that may move, and connections that lead to where it is, and to nobody else.

A client library asks where the primary is when it connects, and never again on a connection that stands. In a *planned*
failover the old primary goes on answering for some ten seconds, and what it is told then is gone. So a thread asks
several times a second, and ends every connection that leads elsewhere, also one that waits for an answer.
"""

import contextlib
import os
import socket
import threading
import weakref
from typing import Any, Protocol, cast

from redis.connection import AbstractConnection, Connection, SSLConnection
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError, ResponseError

from shared.clock import Clock
from shared.domain.errors import HybridError

LOOK_EVERY_S = 0.25

Address = tuple[str, int]


class PrimaryFinder(Protocol):
    """Knows who is to be asked where a primary is."""

    def find(self) -> Address | None:
        """Return where it is, None for between two.

        Raises:
            ConnectionError: nobody says, or it is down.
            BadConfig: only another setting helps.
        """
        ...

    def __str__(self) -> str:
        """Return the URL of those who are asked, without secrets."""
        ...


class MovingPrimary:
    """One primary, and all connections of this process to it, on any thread."""

    def __init__(self, finder: PrimaryFinder, clock: Clock) -> None:
        self._finder, self._clock, self._lock = finder, clock, threading.Lock()
        self._address: Address | None = None
        self._led: weakref.WeakSet[AbstractConnection] = weakref.WeakSet()
        self._watching = 0

    def __str__(self) -> str:
        return str(self._finder)

    def find(self) -> Address:
        """Ask where the primary is, and end what leads elsewhere.

        Raises:
            ConnectionError: nobody says, it is down, or it is being handed over.
            BadConfig: only another setting helps.
        """
        address = self._finder.find()
        self._moved(address)
        if address is None:
            raise ConnectionLost("the primary is being handed over to a replica")
        return address

    def adopt(self, connection: AbstractConnection, address: Address) -> None:
        """End `connection`, which leads to `address`, once the primary is elsewhere.

        Raises:
            ConnectionError: it is by now.
        """
        with self._lock:
            if address != self._address:
                raise ConnectionLost("the primary moved while we connected to it")
            self._led.add(connection)
            watched, self._watching = self._watching == os.getpid(), os.getpid()
        if not watched:
            PrimaryWatch(self).start()

    def release(self) -> None:
        """End every connection, and with them the watch."""
        self._moved(None)

    def watch(self) -> None:
        """Ask again and again while anybody is connected."""
        never = threading.Event()
        while not self._clock.wait(never, LOOK_EVERY_S):
            with self._lock:
                if not self._led:
                    self._watching = 0
                    return
            with contextlib.suppress(RedisError, HybridError):
                self.find()

    def _moved(self, address: Address | None) -> None:
        """Take note of where it is; end what leads elsewhere, on a thread that waits, too."""
        with self._lock:
            left = list(self._led) if address != self._address else []
            self._address = address
            if left:
                self._led = weakref.WeakSet()
        for connection in left:
            _hang_up(connection)


class PrimaryWatch(threading.Thread):
    """Watches a primary for as long as anybody is connected to it; nobody waits for its end."""

    def __init__(self, primary: MovingPrimary) -> None:
        super().__init__(name="primary-watch", daemon=True)
        self.primary = primary

    def run(self) -> None:
        """Watch."""
        self.primary.watch()


class PrimaryConnection(Connection):
    """A connection to wherever the primary is when it connects."""

    def __init__(self, *, primary: MovingPrimary, **options: Any) -> None:  # noqa: ANN401 - redis-py's own options
        super().__init__(**options)
        self._primary, self._found = primary, ("", 0)

    def _connect(self) -> Any:  # noqa: ANN401 - a socket, in TLS or not
        self._found = self.host, self.port = self._primary.find()
        return super()._connect()

    def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py calls it
        """Log in, and see that this is a primary: a server that just began again may be named before that is known."""
        super().on_connect_check_health(check_health=check_health)
        if _role(self) not in {"master", ""}:
            raise ConnectionLost(f"{self.host}:{self.port} is named as the primary, and is a replica")
        self._primary.adopt(self, self._found)


class PrimaryTlsConnection(PrimaryConnection, SSLConnection):
    """The same with TLS."""


def _role(connection: AbstractConnection) -> str:
    """Return what the server says it is; '' where our user may not ask."""
    connection.send_command("ROLE")
    try:
        word = cast("list[Any]", connection.read_response())[0]
    except ResponseError:
        return ""
    return word.decode() if isinstance(word, bytes) else str(word)


def _hang_up(connection: AbstractConnection) -> None:
    line = connection._get_socket()  # pyright: ignore[reportPrivateUsage] # noqa: SLF001 - `disconnect` may only be called on its own thread
    with contextlib.suppress(OSError):
        if line is not None:
            line.shutdown(socket.SHUT_RDWR)
