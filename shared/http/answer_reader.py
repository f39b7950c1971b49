"""An HTTP/1.1 answer off a connection (RFC 9112): `httptools` takes it apart, this file says where it ends or breaks.

`http.client` makes a mail message of every head, which takes longer than all the rest of an order's answer.
"""

from collections.abc import Iterator
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import Protocol

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from shared.http.header_fields import HeaderFields

PIECE_BYTES = 64 * 1024
_MOST_BESIDES = 64 * 1024
"""Bytes in a row that are no body: of a head, the sizes of chunks, trailers."""
_INTERIM = range(100, 200)


class ByteSource(Protocol):
    """What is read from: a socket, plain or TLS."""

    def recv(self, most: int, /) -> bytes:
        """Return what has come; nothing at the end."""
        ...


class AnswerReader:
    """Reads one answer: its head, then its body; `lasts` tells in the end whether the connection can be used again."""

    def __init__(self, line: ByteSource, method: str) -> None:
        self.status, self.headers, self.lasts = 0, HeaderFields(), False
        self._line, self._bodiless = line, method == "HEAD"
        self._parser = HttpResponseParser(self)
        self._pieces: list[bytes] = []
        self._began = self._whole = False
        self._read_bytes = self._besides = 0

    def read_head(self) -> None:
        """Read until `status` and `headers` are known; interim answers are passed over.

        Raises:
            http.client.RemoteDisconnected: nothing came.
            http.client.HTTPException: what came is no HTTP answer.
        """
        while not self._began:
            self._take_in()

    def body_pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes, to its end; a piece is empty where only its frame came.

        Raises:
            http.client.IncompleteRead: it ended before.
            http.client.HTTPException: it is none.
        """
        while True:
            piece = b"".join(self._pieces)
            self._pieces.clear()
            yield piece
            if self._whole:
                del self._parser  # it holds us as we hold it, which only the collector would notice
                return
            self._take_in()

    def _take_in(self) -> None:
        data = self._line.recv(PIECE_BYTES)
        if not data:
            return self._end()
        self._read_bytes += len(data)
        self._besides += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self.lasts = False
            if not self._whole:
                raise HTTPException(f"no HTTP answer: {error}") from None
        if self._besides > PIECE_BYTES + _MOST_BESIDES:
            raise HTTPException(f"more than {_MOST_BESIDES} bytes that are no body")
        return None

    def _end(self) -> None:
        """Take in that the connection ended, which only ends a body whose head says nothing of its length."""
        if not self._read_bytes:
            raise RemoteDisconnected("nothing came")
        if not self._began or "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            raise IncompleteRead(b"")
        self._whole = True

    def on_message_begin(self) -> None:
        """Take in that an answer begins; nobody asked for a second one."""
        if self._whole:
            self.lasts = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take in a field of the head; trailers are left out."""
        if not self._began:
            self.headers.add(name.decode("latin-1"), value.decode("latin-1").strip())

    def on_headers_complete(self) -> None:
        """Take in that a head is whole, and with it the answer to a HEAD."""
        if self._whole:
            return
        self.status = self._parser.get_status_code()
        if self.status in _INTERIM:
            self.headers.clear()
            return
        self._began = True
        if self._bodiless:
            self._finish()

    def on_body(self, piece: bytes) -> None:
        """Take in a piece of the body."""
        if not self._whole:
            self._pieces.append(piece)
            self._besides = 0

    def on_message_complete(self) -> None:
        """Take in that an answer is whole."""
        if self._began and not self._whole:
            self._finish()

    def _finish(self) -> None:
        self._whole, self.lasts = True, self._parser.should_keep_alive()
