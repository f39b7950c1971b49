"""Records what the sources' upstreams answer and push, letter for letter, beside the path of a signal."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from shared.clock import Clock
from shared.domain.redaction import HIDDEN
from shared.http.response import HttpExchange
from shared.messages.base import fact_id
from shared.messages.service import RawSeen
from shared.reconnecting_socket import FrameConnection
from shared.redis.side_stream import SideStream


@dataclass(frozen=True)
class RawRecorder:
    """Offers everything it is shown to a side stream; `writer` names this process in each record."""

    side: SideStream
    clock: Clock
    writer: str

    def record_answer(self, exchange: HttpExchange) -> None:
        """Offer an answer."""
        at_ms = self.clock.now_ms()
        self.side.offer(lambda number: self._answer(exchange, at_ms, number), len(exchange.answer.body))

    def record_frame(self, source: str, frame: str) -> None:
        """Offer what a connection brought."""
        at_ms = self.clock.now_ms()
        self.side.offer(lambda number: self._seen(source, "", 0, frame, at_ms, number), len(frame))

    def tap_connections(
        self, source: str, dial: Callable[[], FrameConnection], keeps: Callable[[str], bool] = lambda _: True
    ) -> Callable[[], FrameConnection]:
        """Return `dial` with every connection it opens listened to; `keeps` says which frames are worth it."""
        return lambda: TappedConnection(dial(), source, self, keeps)

    def _answer(self, exchange: HttpExchange, at_ms: int, number: int) -> RawSeen:
        answer, request, body = exchange.answer, _request(exchange), exchange.answer.body.decode("utf-8", "replace")
        # Both sides: a venue that echoes a request would put the secret into the answer.
        for secret in exchange.secrets:
            request, body = request.replace(secret, HIDDEN), body.replace(secret, HIDDEN)
        return self._seen(exchange.upstream, request, answer.status, body, at_ms, number)

    def _seen(self, source: str, request: str, status: int, body: str, at_ms: int, number: int) -> RawSeen:
        return RawSeen(
            id=fact_id("raw", self.writer, at_ms, number),
            emitted_at_ms=at_ms,
            writer=self.writer,
            number=number,
            source=source,
            request=request,
            status=status,
            body=body,
        )


@dataclass(frozen=True)
class TappedConnection:
    """A connection that is listened to."""

    connection: FrameConnection
    source: str
    recorder: RawRecorder
    keeps: Callable[[str], bool]

    def send(self, text: str) -> None:
        """Send as the connection does."""
        self.connection.send(text)

    def receive(self, timeout_s: float) -> str | None:
        """Return what the connection brings."""
        frame = self.connection.receive(timeout_s)
        if frame and self.keeps(frame):
            self.recorder.record_frame(self.source, frame)
        return frame

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()


def _request(exchange: HttpExchange) -> str:
    """Return what was asked, on one line: method and path, then the query or the body that was sent."""
    asked = exchange.label.removeprefix(f"{exchange.upstream} ")
    params, data = exchange.sent.get("params"), exchange.sent.get("data")
    if params:
        return f"{asked} {json.dumps(params, default=str, separators=(',', ':'))}"
    return f"{asked} {data.decode()}" if data else asked
