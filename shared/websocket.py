"""Push feeds: the only module that imports `websockets`.

A `PushSocket` is one open connection, text frames in and out. What goes wrong is named as in `shared/http/client`;
messages never hold the URL's path, which is where keys are.
"""

import contextlib
from typing import Literal
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.sync.client import ClientConnection, connect

from shared.domain.errors import BadConfig, HybridError, RateLimited, Rejected, Unavailable

MAX_FRAME_BYTES = 1024 * 1024
CLOSE_TIMEOUT_S = 0.3
"""How long a good-bye may take: whoever stops does not wait for a peer that went away."""
SLOW_CONSUMER = 1013
_THROTTLED = 429
_CLIENT_FAULTS = range(400, 500)
_SHOWN_CHARS = 120


class SocketClosed(Unavailable):
    """The connection ended; `code` is the peer's (1006 when the line was cut without a word)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class PushSocket:
    """One open connection; one thread uses it."""

    def __init__(self, connection: ClientConnection, name: str) -> None:
        self._connection, self._name = connection, name

    def send(self, text: str) -> None:
        """Send a text frame.

        Raises:
            Closed: the connection ended.
        """
        try:
            self._connection.send(text)
        except ConnectionClosed as error:
            raise self._closed(error) from None

    def receive(self, timeout_s: float) -> str | None:
        """Return the next frame as soon as it is there; None after `timeout_s` without one.

        Raises:
            Closed: the connection ended.
        """
        try:
            frame = self._connection.recv(timeout_s)
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise self._closed(error) from None
        return frame if isinstance(frame, str) else frame.decode("utf-8", "replace")

    def close(self) -> None:
        """Say good-bye, briefly."""
        with contextlib.suppress(WebSocketException, OSError):
            self._connection.close()

    def _closed(self, error: ConnectionClosed) -> SocketClosed:
        said = error.rcvd
        code, reason = (said.code, said.reason) if said else (1006, "the line was cut")
        if code == SLOW_CONSUMER:
            reason = f"we read too slowly; {reason}"
        return SocketClosed(f"{self._name}: closed with {code}: {reason[:_SHOWN_CHARS] or 'no reason'}", code)


def open_socket(name: str, url: str, *, timeout_s: float = 5.0) -> PushSocket:
    """Open a connection; its peer's keep-alive is the caller's matter, since feeds have their own.

    Raises:
        BadConfig: the URL is none of a websocket.
        RateLimited, Unavailable: try again later.
        Rejected: the upstream refuses us.
    """
    try:
        connection = connect(
            _checked(name, url),
            open_timeout=timeout_s,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=None,
            compression=None,
            max_size=MAX_FRAME_BYTES,
            proxy=_proxy(url),
            user_agent_header="hybrid-signals",
        )
    except (WebSocketException, OSError, EOFError) as error:
        raise _named(name, error, timeout_s) from None
    return PushSocket(connection, name)


def _checked(name: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss"} or not parts.hostname:
        raise BadConfig(f"The URL of {name} must look like wss://host/path.")
    return url


def _proxy(url: str) -> Literal[True] | None:
    """Take the environment's proxy; a local address is never sent to one."""
    return None if urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"} else True


def _named(name: str, error: Exception, timeout_s: float) -> HybridError:
    if isinstance(error, InvalidStatus):
        return _refused(name, error.response.status_code)
    if isinstance(error, TimeoutError):
        return Unavailable(f"{name}: no connection within {timeout_s:g} s")
    return Unavailable(f"{name}: no connection ({type(error).__name__})")


def _refused(name: str, status: int) -> HybridError:
    if status == _THROTTLED:
        return RateLimited(f"{name}: 429, too many connections")
    if status in _CLIENT_FAULTS:
        return Rejected(f"{name}: the handshake is refused with {status}", status)
    return Unavailable(f"{name}: the handshake fails with {status}")
