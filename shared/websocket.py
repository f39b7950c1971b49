"""Push feeds: the only module that imports `websockets`.

A `PushSocket` is one open connection, text frames in and out. What goes wrong is named as in `shared/http/client`;
messages never hold the URL's path, which is where keys are.
"""

import contextlib
from collections import deque
from ssl import SSLWantReadError
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import DATA_OPCODES, Frame
from websockets.protocol import Event, State
from websockets.sync.client import ClientConnection, connect

from shared.clock import SystemClock
from shared.domain.errors import BadConfig, HybridError, RateLimited, Rejected, Unavailable

MAX_FRAME_BYTES = 1024 * 1024
CLOSE_TIMEOUT_S = 0.3
"""How long a good-bye may take: whoever stops does not wait for a peer that went away."""
SLOW_CONSUMER = 1013
_SEND_TIMEOUT_S = 5.0
_CLOCK = SystemClock()
_THROTTLED = 429
_CLIENT_FAULTS = range(400, 500)
_SHOWN_CHARS = 120


class SocketClosed(Unavailable):
    """The connection ended; `code` is the peer's (1006 when the line was cut without a word)."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class OwnReader(ClientConnection):
    """A connection that is read by the thread that waits for a frame, which also sends what the peer is owed (a pong).

    The library's own has a thread besides, which reads all the time and hands each frame on; here that ends with the
    handshake, and a frame costs no change of threads.
    """

    def __init__(self, *given: Any, **more: Any) -> None:  # noqa: ANN401 - as `connect` gives them
        self._parts, self._whole = list[bytes](), deque[bytes]()
        super().__init__(*given, **more)

    def handshake(self, *given: Any, **more: Any) -> None:  # noqa: ANN401 - likewise
        """Shake hands, and let the library's thread end."""
        super().handshake(*given, **more)
        self.recv_events_thread.join()

    def recv_events(self) -> None:
        """Read what answers the handshake, for as long as `handshake` waits: the library's thread."""
        try:
            while self.response is None and self.protocol.handshake_exc is None:
                with contextlib.suppress(TimeoutError):
                    self._take_in()
        finally:
            self.response_rcvd.set()

    def next_message(self, timeout_s: float) -> str:
        """Return the next message as text; raises TimeoutError, or ConnectionClosed."""
        ends = _CLOCK.monotonic() + timeout_s
        while not self._whole:
            if self.protocol.state is not State.OPEN:
                self.close_socket()
                raise self.protocol.close_exc from self.recv_exc
            self.socket.settimeout(max(0.0, ends - _CLOCK.monotonic()))
            self._take_in()
        return self._whole.popleft().decode("utf-8", "replace")

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Say good-bye, wait for the peer's for a moment, and close."""
        super().close(code, reason)
        ends = _CLOCK.monotonic() + CLOSE_TIMEOUT_S
        with contextlib.suppress(TimeoutError):
            while self.protocol.state is not State.CLOSED:
                self.socket.settimeout(max(0.0, ends - _CLOCK.monotonic()))
                self._take_in()
        self.close_socket()

    def send_data(self) -> None:
        """Send what is due; how long a read may take says nothing of that."""
        self.socket.settimeout(_SEND_TIMEOUT_S)
        super().send_data()

    def process_event(self, event: Event) -> None:
        """Take in the handshake's answer, then frames; what one message is made of is put together."""
        if self.response is None:
            super().process_event(event)
        elif isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self._parts.append(bytes(event.data))
            if event.fin:
                self._whole.append(b"".join(self._parts))
                self._parts.clear()

    def _take_in(self) -> None:
        """Read once, and send what that asks for. Raises TimeoutError."""
        try:
            data = self.socket.recv(self.recv_bufsize)
        except (BlockingIOError, SSLWantReadError):
            raise TimeoutError from None
        except TimeoutError:
            raise
        except OSError as error:
            self.recv_exc, data = error, b""
        with self.protocol_mutex, contextlib.suppress(OSError):
            if data:
                self.protocol.receive_data(data)
            else:
                self.protocol.receive_eof()
            self.send_data()
        for event in self.protocol.events_received():
            self.process_event(event)


class PushSocket:
    """One open connection; one thread uses it."""

    def __init__(self, connection: OwnReader, name: str) -> None:
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
            return self._connection.next_message(timeout_s)
        except TimeoutError:
            return None
        except ConnectionClosed as error:
            raise self._closed(error) from None

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
            create_connection=OwnReader,
        )
    except (WebSocketException, OSError, EOFError) as error:
        raise _named(name, error, timeout_s) from None
    return PushSocket(cast("OwnReader", connection), name)


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
