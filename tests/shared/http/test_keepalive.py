"""Warm connections over a real local socket: kept while they are good and left when they are not."""

import socket
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.client import HTTPException, IncompleteRead

import pytest

from shared.domain.errors import Malformed
from shared.http.keepalive import KeptConnections
from shared.http.response import HttpResponse
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.sockets

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Peer:
    """Answers each request with the next of its answers; None hangs up before the next request comes."""

    def __init__(self, answers: list[bytes | None]) -> None:
        self.answers, self.heard = list(answers), list[bytes]()
        self.connections = 0
        self.hung_up = threading.Event()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._door.getsockname()[1]}/clob"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._door.close()

    def _serve(self) -> None:
        while self.answers:
            try:
                line, _ = self._door.accept()
            except OSError:
                return
            self.connections += 1
            with line:
                self._talk(line)
            self.hung_up.set()

    def _talk(self, line: socket.socket) -> None:
        while self.answers:
            if self.answers[0] is None:
                self.answers.pop(0)
                return
            asked = line.recv(65536)
            if not asked:
                return
            self.heard.append(asked)
            line.sendall(self.answers.pop(0) or b"")


@contextmanager
def a_peer(*answers: bytes | None) -> Generator[tuple[Peer, KeptConnections]]:
    peer = Peer(list(answers))
    lines = KeptConnections(peer.url, {"User-Agent": "us"}, ca="", connect_s=1, silence_s=1)
    yield peer, lines
    lines.close()
    peer.close()


def ask(lines: KeptConnections, body: bytes = b"", **headers: str) -> HttpResponse:
    return lines.send(lines.written("POST", "/order", {}, headers, body), "POST", b"".join)


def test_a_request_is_one_write_of_exactly_these_bytes() -> None:
    with a_peer(OK) as (peer, lines):
        answer = ask(lines, b'{"a":1}', POLY="x")

    assert (answer.status, answer.body) == (200, b"ok")
    host = peer.url.split("/")[2].encode()
    assert peer.heard == [
        b"POST /clob/order HTTP/1.1\r\nHost: " + host + b"\r\nAccept-Encoding: identity\r\nUser-Agent: us\r\n"
        b'POLY: x\r\nContent-Length: 7\r\n\r\n{"a":1}'
    ]


def test_parameters_are_part_of_the_path() -> None:
    with a_peer(OK) as (peer, lines):
        lines.send(lines.written("GET", "/data/trades", {"after": "12", "id": "a b"}, {}, b""), "GET", b"".join)

    assert peer.heard[0].startswith(b"GET /clob/data/trades?after=12&id=a+b HTTP/1.1\r\n")
    assert b"Content-Length" not in peer.heard[0]


def test_requests_share_one_connection() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    nothing = b"HTTP/1.1 204 No Content\r\n\r\n"

    with a_peer(OK, chunked, nothing, OK) as (peer, lines):
        bodies = [ask(lines).body for _ in range(4)]

    assert bodies == [b"ok", b"ok", b"", b"ok"]
    assert peer.connections == 1


def test_a_connection_that_was_closed_meanwhile_is_noticed_before_anything_is_written() -> None:
    with a_peer(OK, None, OK) as (peer, lines):
        ask(lines)
        assert peer.hung_up.wait(PATIENCE_S)

        assert ask(lines).body == b"ok"

    assert peer.connections == 2


def test_an_answer_that_says_close_ends_its_connection() -> None:
    last = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"

    with a_peer(last, None, OK) as (peer, lines):
        ask(lines)
        ask(lines)

    assert peer.connections == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nnever all of it", IncompleteRead),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nnever all of it", IncompleteRead),
        (b"SSH-2.0 never all of it\r\n", HTTPException),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok", Malformed),
    ],
)
def test_no_half_answer_is_an_answer_and_its_connection_is_left(answer: bytes, error: type[Exception]) -> None:
    with a_peer(answer, None, OK) as (peer, lines):
        with pytest.raises(error):
            ask(lines)

        assert ask(lines).body == b"ok"

    assert peer.connections == 2


def test_a_request_that_breaks_is_not_sent_again() -> None:
    with a_peer(b"", None, OK) as (peer, lines):
        with pytest.raises((HTTPException, OSError)):
            ask(lines, b"an order")

        assert len(peer.heard) == 1


def test_a_line_break_in_a_header_is_refused() -> None:
    with a_peer(OK) as (peer, lines):
        with pytest.raises(Malformed, match="line break: POLY"):
            ask(lines, POLY="x\r\nHost: elsewhere")

        assert peer.heard == []
