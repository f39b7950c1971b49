"""Answers as they come off a connection: whole ones are read to their end, no part of one is taken for it."""

from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.answer_reader import AnswerReader


class Pieces:
    """A connection that ends after these bytes; they come `size` at a time."""

    def __init__(self, raw: bytes, size: int) -> None:
        self.left, self.size = raw, size

    def recv(self, most: int, /) -> bytes:
        some, self.left = self.left[: min(most, self.size)], self.left[min(most, self.size) :]
        return some


def read(raw: bytes, method: str = "POST", size: int = 65536) -> tuple[AnswerReader, bytes]:
    answer = AnswerReader(Pieces(raw, size), method)
    answer.read_head()
    return answer, b"".join(answer.body_pieces())


def test_fields_are_found_without_regard_to_case_and_repeated_ones_joined() -> None:
    answer, _ = read(b"HTTP/1.1 429 Slow down\r\nretry-after: 3 \r\nVary: a\r\nvary: b\r\nContent-Length: 0\r\n\r\n")

    assert answer.status == 429
    assert [answer.headers.get(name, "") for name in ("Retry-After", "VARY", "Date")] == ["3", "a, b", ""]


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5), st.integers(1, 300))
def test_a_chunked_body_is_its_chunks_without_their_trailers(chunks: list[bytes], size: int) -> None:
    told = b"".join(b"%x;note\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)

    answer, body = read(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + told + b"0\r\nTrailer: x\r\n\r\n", size=size
    )

    assert body == b"".join(chunks)
    assert answer.lasts
    assert "Trailer" not in answer.headers


@pytest.mark.parametrize("size", [1, 65536])
@pytest.mark.parametrize(
    ("head", "body", "connection"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"until it closes", "closed"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok", "closed"),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\n", b"ok", "kept"),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n", b"ok", "closed"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok", "kept"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\n", b"ok", "kept"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", "kept"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", "kept"),
    ],
)
def test_a_body_ends_where_its_head_says(head: bytes, body: bytes, connection: str, size: int) -> None:
    answer, read_body = read(head + body, size=size)

    assert (read_body, answer.lasts, "Link" in answer.headers) == (body, connection == "kept", False)


def test_the_answer_to_a_head_request_has_no_body() -> None:
    answer, body = read(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD")

    assert (body, answer.lasts) == (b"", True)


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno", b"junk"])
@pytest.mark.parametrize("said", [b"", b"Connection: close\r\n"])
def test_what_comes_unasked_is_no_part_of_an_answer_and_ends_its_connection(said: bytes, more: bytes) -> None:
    answer, body = read(b"HTTP/1.1 201 Made\r\nContent-Length: 2\r\n" + said + b"\r\nok" + more)

    assert (answer.status, body, answer.lasts) == (201, b"ok", False)


WHOLE = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n{"taken": true}'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


@given(st.sampled_from([WHOLE, CHUNKED]), st.data())
def test_no_part_of_an_answer_is_one(whole: bytes, data: st.DataObject) -> None:
    with pytest.raises(IncompleteRead):
        read(whole[: data.draw(st.integers(1, len(whole) - 1))])


def test_no_answer_at_all_is_a_connection_that_was_closed() -> None:
    with pytest.raises(RemoteDisconnected):
        read(b"")


@pytest.mark.parametrize("size", [b"-1", b"0x2", b"", b"2_0", b"zz"])
def test_a_chunk_of_no_size_is_refused(size: bytes) -> None:
    with pytest.raises(HTTPException, match="no HTTP answer"):
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nok\r\n0\r\n\r\n")


@pytest.mark.parametrize("line", [b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/2 200 OK", b"ok"])
def test_what_is_no_status_line_begins_no_answer(line: bytes) -> None:
    with pytest.raises(HTTPException):
        read(line + b"\r\n\r\n")


@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 2\r\nContent-Length: 3",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked",
        b"Content-Length: -2",
        b"Content-Length: 99999999999999999999999",
        b"no field",
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused(fields: bytes) -> None:
    with pytest.raises(HTTPException):
        read(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\nokk")


def test_another_protocol_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(HTTPException):
        read(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")


@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\n", CHUNKED[:-2], CHUNKED[:-5] + b"1;"])
def test_an_endless_head_or_trailer_is_left(begun: bytes) -> None:
    with pytest.raises(HTTPException, match="no body"):
        read(begun + b"A: b\r\n" * 100_000 if begun.endswith(b"\n") else begun + b"a" * 600_000)
