"""A venue that takes every order at once and only records it, so that the judge is no bottleneck.

`python -m benchmarks.rigs.orders.venue_recorder CLOB_URL` listens in front of a CLOB: `POST /order` is answered as
wholly matched, `GET /recorded` tells when each came since the last time (epoch milliseconds), all else is passed on to
that CLOB as it is. No signature is looked at, no trade is ever confirmed. The first line on standard output is its URL.
"""

import asyncio
import contextlib
import json
import sys
from asyncio import StreamReader, StreamWriter
from time import time_ns  # noqa: TID251 - fractions of a millisecond, as its callers' clock
from urllib.parse import urlsplit

from shared.process.shutdown_signals import die_with_parent

END = b"\r\n\r\n"
LENGTH = b"content-length:"


class VenueRecorder:
    """Serves connections; `path` is where the CLOB stands at `host` and `port`."""

    def __init__(self, host: str, port: int, path: str) -> None:
        self._host, self._port = host, port
        self._order = f"POST {path}/order ".encode()
        self._asked = f"GET {path}/recorded ".encode()
        self._arrived: list[float] = []
        self._count = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Answer one connection until it ends."""
        there: tuple[StreamReader, StreamWriter] | None = None
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head, body = await _message(reader)
                if head.startswith(self._order):
                    answer = self._taken(body)
                elif head.startswith(self._asked):
                    answer = self._told()
                else:
                    there = there or await asyncio.open_connection(self._host, self._port)
                    there[1].write(head + body)
                    answer = b"".join(await _message(there[0]))
                writer.write(answer)
        for each in (writer, *((there[1],) if there else ())):
            each.close()
            with contextlib.suppress(ConnectionError):
                await each.wait_closed()

    def _taken(self, body: bytes) -> bytes:
        """Record an order and say that all of it matched."""
        self._arrived.append(time_ns() / 1e6)
        self._count += 1
        order = json.loads(body)["order"]
        said = {
            "errorMsg": "",
            "orderID": f"0x{self._count:064x}",
            "makingAmount": f"{int(order['makerAmount']) / 1e6:.6f}",
            "takingAmount": f"{int(order['takerAmount']) / 1e6:.6f}",
            "status": "matched",
            "tradeIDs": [f"recorded-{self._count}"],
            "transactionsHashes": [f"0x{self._count:064x}"],
            "success": True,
        }
        return _response(said)

    def _told(self) -> bytes:
        arrived, self._arrived = self._arrived, []
        return _response(arrived)


async def _message(reader: StreamReader) -> tuple[bytes, bytes]:
    """Return a request or an answer: its head and its body, whose length the head says."""
    head = await reader.readuntil(END)
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(LENGTH)]
    return head, await reader.readexactly(int(lengths[0][len(LENGTH) :])) if lengths else b""


def _response(said: object) -> bytes:
    body = json.dumps(said, separators=(",", ":")).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


async def main() -> None:
    """Listen on a free port of loopback until the parent ends."""
    there = urlsplit(sys.argv[1])
    recorder = VenueRecorder(str(there.hostname), there.port or 80, there.path)
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    print(f"http://{host}:{port}{there.path}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    die_with_parent()
    asyncio.run(main())
