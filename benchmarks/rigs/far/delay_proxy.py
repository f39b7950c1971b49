"""A way to a server that takes its time: each direction by itself, bytes in their order, any number under way.

`python -m benchmarks.rigs.far.delay_proxy PORT DELAY_MS` listens in front of 127.0.0.1:PORT. The first line on standard
output is its own port. Each line on standard input is answered by the round trips so far: how often a connection began
to send again after an answer had come.
"""

import asyncio
import contextlib
import sys
from asyncio import StreamReader, StreamWriter
from collections import deque
from collections.abc import Callable

from shared.process.shutdown_signals import die_with_parent

CHUNK = 2**18


class DelayProxy:
    """Serves connections to `port`, `delay_s` away."""

    def __init__(self, port: int, delay_s: float) -> None:
        self._port, self._delay_s = port, delay_s
        self.round_trips = 0
        self.sent_bytes = 0

    async def serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        """Carry one connection until either side ends it."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        answered = [True]

        def asked(count: int) -> None:
            self.sent_bytes += count
            self.round_trips += answered[0]
            answered[0] = False

        def told(_: int) -> None:
            answered[0] = True

        await asyncio.gather(self._carry(reader, there_writer, asked), self._carry(there_reader, writer, told))

    async def _carry(self, source: StreamReader, target: StreamWriter, count: Callable[[int], None]) -> None:
        """Pass on what comes, each piece `delay_s` after it came."""
        under_way: deque[tuple[float, bytes]] = deque()
        news, clock = asyncio.Event(), asyncio.get_running_loop()
        delivery = asyncio.create_task(self._deliver(under_way, news, target))
        with contextlib.suppress(ConnectionError):
            while piece := await source.read(CHUNK):
                count(len(piece))
                under_way.append((clock.time() + self._delay_s, piece))
                news.set()
        under_way.append((clock.time() + self._delay_s, b""))
        news.set()
        await delivery

    async def _deliver(self, under_way: deque[tuple[float, bytes]], news: asyncio.Event, target: StreamWriter) -> None:
        clock, piece = asyncio.get_running_loop(), b"-"
        with contextlib.suppress(ConnectionError):
            while piece:
                while not under_way:
                    news.clear()
                    await news.wait()
                due, piece = under_way.popleft()
                if (wait_s := due - clock.time()) > 0:
                    await asyncio.sleep(wait_s)
                target.write(piece)
        target.close()


async def main() -> None:
    """Listen on a free port of loopback until the parent ends."""
    proxy = DelayProxy(int(sys.argv[1]), float(sys.argv[2]) / 1000)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    questions = StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(questions), sys.stdin)
    async with server:
        while await questions.readline():
            print(proxy.round_trips, proxy.sent_bytes, flush=True)


if __name__ == "__main__":
    die_with_parent()
    asyncio.run(main())
