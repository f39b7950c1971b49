"""An HTTP/1.1 answer off a connection, piece by piece (RFC 9112, 6): its head becomes a mapping.

`http.client` makes a mail message of every head, which takes longer than all the rest of an order's answer.
"""

from collections.abc import Iterator, Mapping
from http.client import BadStatusLine, HTTPException, IncompleteRead, LineTooLong, RemoteDisconnected
from typing import BinaryIO, NamedTuple

PIECE_BYTES = 64 * 1024
_LONGEST_LINE = 64 * 1024
_MOST_HEADERS = 100
_SWITCHING = 101
_INTERIM = range(100, 200)
_BODILESS = frozenset({204, 304})
_ENDS = (b"\r\n", b"\n")
_HEX_DIGITS = b"0123456789abcdefABCDEF"


class Headers(Mapping[str, str]):
    """The fields of a head, found without regard to case; of a repeated one the first."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        """Take in one field."""
        self._values.setdefault(name.lower(), value)

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class AnswerHead(NamedTuple):
    """A status and its fields; `length` is that of the body, None where only its end tells; `lasts`: kept open."""

    status: int
    headers: Headers
    length: int | None
    chunked: bool
    lasts: bool


def read_head(file: BinaryIO, method: str) -> AnswerHead:
    """Return the head of the answer that comes next; interim ones are passed over.

    Raises:
        http.client.HTTPException: what came is no HTTP answer, or nothing came.
    """
    version, status, headers = _next_head(file)
    while status in _INTERIM and status != _SWITCHING:
        version, status, headers = _next_head(file)
    chunked = headers.get("Transfer-Encoding", "").strip().lower() == "chunked"
    length = 0 if method == "HEAD" or status in _BODILESS else None if chunked else _length(headers)
    said = headers.get("Connection", "").lower()
    kept = "close" not in said if version == b"HTTP/1.1" else "keep-alive" in said
    return AnswerHead(status, headers, length, chunked, kept and (chunked or length is not None))


def body_pieces(file: BinaryIO, head: AnswerHead) -> Iterator[bytes]:
    """Yield the body as it comes, to its end.

    Raises:
        http.client.IncompleteRead: it ended before.
    """
    if head.length is not None:
        yield from _sized(file, head.length)
    elif head.chunked:
        yield from _chunks(file)
    else:
        while piece := _piece(file, PIECE_BYTES):
            yield piece


def _next_head(file: BinaryIO) -> tuple[bytes, int, Headers]:
    version, status = _status(_line(file))
    return version, status, _headers(file)


def _status(line: bytes) -> tuple[bytes, int]:
    if not line:
        raise RemoteDisconnected("nothing came")
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    if not version.startswith(b"HTTP/1.") or not code.isdigit() or rest[3:4] not in (b" ", b"\r", b"\n"):
        raise BadStatusLine(repr(line[:80]))
    return version, int(code)


def _headers(file: BinaryIO) -> Headers:
    headers = Headers()
    for _ in range(_MOST_HEADERS):
        line = _line(file)
        if line in _ENDS:
            return headers
        if not line:
            raise IncompleteRead(b"")
        name, _, value = line.decode("latin-1").partition(":")
        headers.add(name.strip(), value.strip())
    raise HTTPException(f"more than {_MOST_HEADERS} headers")


def _length(headers: Headers) -> int | None:
    said = headers.get("Content-Length", "")
    return int(said) if said.isascii() and said.isdigit() else None


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while left := _chunk_size(_line(file)):
        yield from _sized(file, left)
        if _line(file) not in _ENDS:
            raise IncompleteRead(b"")
    while _line(file) not in (*_ENDS, b""):
        continue


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    if not digits or digits.strip(_HEX_DIGITS):
        raise IncompleteRead(b"")
    return int(digits, 16)


def _sized(file: BinaryIO, left: int) -> Iterator[bytes]:
    while left > 0:
        piece = _piece(file, min(left, PIECE_BYTES))
        if not piece:
            raise IncompleteRead(b"", left)
        left -= len(piece)
        yield piece


def _piece(file: BinaryIO, most: int) -> bytes:
    return file.read1(most)  # type: ignore[attr-defined]  # what `makefile` makes has it


def _line(file: BinaryIO) -> bytes:
    line = file.readline(_LONGEST_LINE + 1)
    if len(line) > _LONGEST_LINE:
        raise LineTooLong("header line")
    return line
