"""A transport that joins writes: one packet for an answer's head and body, one for the frames of one moment."""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class Joined:
    """A transport that writes what one turn of the loop wrote at once; it is the transport's own otherwise.

    Uvicorn writes an answer's head, its body and an empty end one by one: with the end the answer is whole.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        """Stand before a transport."""
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, part: bytes) -> None:
        """Keep a part until the answer, or this turn of the loop, is over."""
        if not part:
            self._flush()
            return
        if not self._parts:
            asyncio.get_running_loop().call_soon(self._flush)
        self._parts.append(part)

    def close(self) -> None:
        """Write what is left and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> object:
        """Return what the transport has."""
        return getattr(self._transport, name)

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))


class Http(H11Protocol):
    """Uvicorn's HTTP over a joined transport; a websocket takes the same one over."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin on a connection."""
        super().connection_made(Joined(transport))  # type: ignore[arg-type]  # it has all that a transport has
