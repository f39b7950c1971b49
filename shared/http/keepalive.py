"""Warm connections for requests that cannot wait: one write, one read, no session around them.

`requests` costs about as much processor time for each request as all the rest of an order's way. A line keeps what it
is good for (its CA bundle, checked host names) and leaves the rest out: no redirects, no cookies, no compression. A
connection that the other side closed while nobody used it is noticed before anything is written to it; one that breaks
later is the caller's to judge, since nothing is ever sent twice here.
"""

import contextlib
import select
import socket
import ssl
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from shared.domain.errors import Malformed
from shared.http.answer_reader import AnswerReader
from shared.http.response import HttpResponse

_PLAIN = frozenset({"", "identity"})
Reader = Callable[[Iterator[bytes]], bytes]


class KeptConnections:
    """The connections to one origin; each carries one request at a time. Safe to use from any thread.

    Args:
        base_url: `http://host:port/path` or `https://...`.
        headers: Sent with every request.
        ca: A CA bundle's file or folder.
        connect_s: The longest wait for a connection.
        silence_s: The longest silence in an answer.
    """

    def __init__(
        self, base_url: str, headers: Mapping[str, str], *, ca: str, connect_s: float, silence_s: float
    ) -> None:
        parts = urlsplit(base_url)
        secure = parts.scheme == "https"
        self._address = (str(parts.hostname), parts.port or (443 if secure else 80))
        self._tls = _tls(ca) if secure else None
        self._connect_s, self._silence_s = connect_s, silence_s
        self._idle: deque[socket.socket] = deque()
        self._busy: set[socket.socket] = set()
        weakref.finalize(self, _close, self._idle)
        self._path = parts.path
        self._head = _lines({"Host": parts.netloc.rpartition("@")[2], "Accept-Encoding": "identity", **headers})

    def written(
        self, method: str, path: str, params: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> bytes:
        """Return one request as `send` takes it: it can be made ahead.

        Raises:
            Malformed: a header cannot be sent.
        """
        query = f"?{urlencode(params)}" if params else ""
        length = {"Content-Length": str(len(body))} if body or method == "POST" else {}
        head = f"{method} {self._path}{path}{query} HTTP/1.1\r\n{self._head}{_lines({**headers, **length})}\r\n"
        return head.encode("latin-1") + body

    def send(self, request: bytes, method: str, read: Reader) -> HttpResponse:
        """Send what was `written` and return its answer, whose body `read` takes in piece by piece, to its end.

        Raises:
            OSError, http.client.HTTPException: no whole answer came.
            Malformed: the answer is compressed.
        """
        line = self._taken()
        self._busy.add(line)
        try:
            line.sendall(request)
            answer, lasts = _answered(line, method, read)
        except BaseException:
            line.close()
            raise
        finally:
            self._busy.discard(line)
        if lasts:
            self._idle.append(line)
        else:
            line.close()
        return answer

    def interrupt(self) -> None:
        """End what is under way: who waits for an answer gets an OSError or an HTTPException at once."""
        for line in tuple(self._busy):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close what is idle."""
        _close(self._idle)

    def _taken(self) -> socket.socket:
        """Return the connection that was used last, or a new one; one that says something unasked was closed."""
        while self._idle:
            try:
                line = self._idle.pop()
            except IndexError:
                break
            if not select.select([line], [], [], 0)[0]:
                return line
            line.close()
        return self._opened()

    def _opened(self) -> socket.socket:
        line = socket.create_connection(self._address, self._connect_s)
        try:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                line = self._tls.wrap_socket(line, server_hostname=self._address[0])
            line.settimeout(self._silence_s)
        except BaseException:
            line.close()
            raise
        return line


def _close(idle: deque[socket.socket]) -> None:
    while idle:
        idle.pop().close()


def _answered(line: socket.socket, method: str, read: Reader) -> tuple[HttpResponse, bool]:
    """Read an answer; say whether its connection can be used again."""
    answer = AnswerReader(line, method)
    answer.read_head()
    if answer.headers.get("Content-Encoding", "").strip().lower() not in _PLAIN:
        raise Malformed("the answer is compressed, which was not asked for")
    body = read(answer.body_pieces())
    return HttpResponse(answer.status, answer.headers, body), answer.lasts


def _lines(headers: Mapping[str, str]) -> str:
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    if text.count("\n") != len(headers) or text.count("\r") != len(headers):
        raise Malformed(f"a header holds a line break: {', '.join(headers)}")
    return text


def _tls(ca: str) -> ssl.SSLContext:
    folder = Path(ca).is_dir()
    context = ssl.create_default_context(cafile=None if folder else ca, capath=ca if folder else None)
    context.set_alpn_protocols(["http/1.1"])
    return context
