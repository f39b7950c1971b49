"""Answers as they come off a connection: whole ones are read to their end, no part of one is taken for it."""

import io
from http.client import HTTPException, IncompleteRead

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http.answer_reader import AnswerHead, body_pieces, read_head


def read(raw: bytes, method: str = "POST") -> tuple[AnswerHead, bytes]:
    file = io.BufferedReader(io.BytesIO(raw))  # type: ignore[arg-type]  # a raw stream in memory
    head = read_head(file, method)
    return head, b"".join(body_pieces(file, head))


def test_fields_are_found_without_regard_to_case_and_the_first_counts() -> None:
    head, _ = read(b"HTTP/1.1 429 Slow down\r\nretry-after: 3\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n")

    assert (head.status, head.headers.get("Retry-After"), head.headers.get("Date", "")) == (429, "3", "")


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=5))
def test_a_chunked_body_is_its_chunks(chunks: list[bytes]) -> None:
    told = b"".join(b"%x;note\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)

    head, body = read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + told + b"0\r\nTrailer: x\r\n\r\n")

    assert body == b"".join(chunks)
    assert head.lasts


@pytest.mark.parametrize(
    ("head", "body", "connection"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", b"until it closes", "closed"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok", "closed"),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 2\r\n\r\n", b"ok", "kept"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok", "kept"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\nContent-Length: 2\r\n\r\n", b"ok", "kept"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", "kept"),
    ],
)
def test_a_body_ends_where_its_head_says(head: bytes, body: bytes, connection: str) -> None:
    found, read_body = read(head + body)

    assert (read_body, found.lasts) == (body, connection == "kept")


def test_the_answer_to_a_head_request_has_no_body() -> None:
    assert read(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD")[1] == b""


WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 15\r\n\r\n" + b'{"taken": true}'


@given(st.integers(0, len(WHOLE) - 1))
def test_no_part_of_an_answer_is_one(length: int) -> None:
    with pytest.raises(HTTPException):
        read(WHOLE[:length])


@pytest.mark.parametrize("size", [b"-1", b"0x2", b"", b"2_0", b"zz"])
def test_a_chunk_of_no_size_is_refused(size: bytes) -> None:
    with pytest.raises(IncompleteRead):
        read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + size + b"\r\nok\r\n0\r\n\r\n")


@pytest.mark.parametrize("line", [b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK", b"HTTP/2 200 OK", b"ok"])
def test_what_is_no_status_line_begins_no_answer(line: bytes) -> None:
    with pytest.raises(HTTPException):
        read(line + b"\r\n\r\n")
