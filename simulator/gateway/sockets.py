"""Open websockets: a bounded queue each, and the ways a push feed fails."""

import asyncio
import contextlib
from collections import deque

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from simulator.core.world import World

_BUFFER = 10_000
_SLOW_CONSUMER = 1013


class Connection:
    """One client; frames are queued and sent by its own task."""

    def __init__(self, socket: WebSocket, upstream: str, world: World) -> None:
        """Belong to an upstream."""
        self._socket = socket
        self._upstream = upstream
        self._world = world
        self._frames: deque[str | None] = deque()
        self._wake = asyncio.Event()
        self._close_code = 1000

    def push(self, frame: str) -> None:
        """Send data, unless a fault mutes it or makes it late."""
        faults, now = self._world.faults, self._world.now_ms()
        if faults.take("mute_socket", self._upstream, "", now):
            return
        if late := faults.take("late_socket", self._upstream, "", now):
            due = now + round(late.number("seconds", 30) * 1000)
            self._world.agenda.at(due, lambda _: self.reply(frame))
            return
        self.reply(frame)

    def reply(self, frame: str) -> None:
        """Send what no fault holds back, such as a pong."""
        if len(self._frames) >= _BUFFER:
            self.close(_SLOW_CONSUMER)
            return
        self._frames.append(frame)
        self._wake.set()

    def close(self, code: int) -> None:
        """Close after what is queued; 1006 cuts the line without a word."""
        self._close_code = code
        self._frames.append(None)
        self._wake.set()

    async def send_all(self) -> None:
        """Send frames until told to close."""
        while True:
            while self._frames:
                frame = self._frames.popleft()
                if frame is None:
                    await self._hang_up()
                    return
                await self._socket.send_text(frame)
            self._wake.clear()
            await self._wake.wait()

    async def _hang_up(self) -> None:
        code = 1011 if self._close_code == 1006 else self._close_code
        if self._socket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError):
                await self._socket.close(code)


class Hub:
    """All connections of one upstream."""

    def __init__(self, upstream: str, world: World) -> None:
        """Start without clients."""
        self.upstream = upstream
        self.world = world
        self.connections: set[Connection] = set()

    def close_all(self, code: int) -> None:
        """Close every connection."""
        for connection in self.connections:
            connection.close(code)

    async def serve(self, socket: WebSocket) -> None:
        """Carry one connection through its life."""
        await socket.accept()
        connection = self.joined(Connection(socket, self.upstream, self.world))
        sender = asyncio.create_task(connection.send_all())
        self.connections.add(connection)
        if self.world.faults.take("close_socket", self.upstream, "", self.world.now_ms()):
            connection.close(1006)
        try:
            await self._listen(socket, connection, sender)
        finally:
            self.connections.discard(connection)
            self.left(connection)
            sender.cancel()

    def joined(self, connection: Connection) -> Connection:
        """Greet a connection."""
        return connection

    def left(self, connection: Connection) -> None:
        """Forget a connection."""

    def hear(self, connection: Connection, text: str) -> None:
        """React to a client's frame."""
        raise NotImplementedError

    async def _listen(self, socket: WebSocket, connection: Connection, sender: "asyncio.Task[None]") -> None:
        while not sender.done():
            hearing = asyncio.ensure_future(socket.receive_text())
            done, _ = await asyncio.wait({hearing, sender}, return_when="FIRST_COMPLETED")
            if hearing not in done:
                hearing.cancel()
                return
            try:
                self.hear(connection, hearing.result())
            except (WebSocketDisconnect, RuntimeError):
                return
