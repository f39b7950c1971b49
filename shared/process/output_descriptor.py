"""A file descriptor of stdout or stderr that is written to without waiting, as far as its kind allows."""

import errno
import os
import select
import socket
import stat

_AT_ONCE = 4096
"""Bytes that a pipe which can be written to takes without waiting (PIPE_BUF): more may keep who writes waiting."""
_LEFT = frozenset({errno.EPIPE, errno.EBADF, errno.EIO, errno.ENXIO, errno.ECONNRESET, errno.ENOTCONN})


def reader_left(error: OSError | ValueError) -> bool:
    """Say whether nobody will ever read there again; a full disk, above all, is another matter."""
    return not isinstance(error, OSError) or error.errno in _LEFT


class OutputDescriptor:
    """Where lines go. Of a pipe or a terminal it opens one of its own: others who share it keep theirs as it was."""

    def __init__(self, number: int) -> None:
        self._number = number
        kind = _kind_of(number)
        self._socket = _same_socket(number) if stat.S_ISSOCK(kind) else None
        own = _opened_anew(number) if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind) else None
        self._own = number if own is None else own
        self.may_wait = own is None and not stat.S_ISREG(kind) and self._socket is None
        """Whether the kernel may keep a writer waiting for the reader, whatever it said of it the moment before."""

    def take(self, data: bytes) -> int:
        """Write some bytes, now if that is possible; return how many.

        Raises:
            OSError, ValueError: they were refused; `reader_left` says whether for good.
        """
        try:
            if self._socket is not None:
                return self._socket.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
            if not self.may_wait:
                return os.write(self._own, data)
            ready = select.select((), (self._own,), (), 0)[1]
            return os.write(self._own, data[:_AT_ONCE]) if ready else 0
        except BlockingIOError:
            return 0

    def wait_until_taken(self, seconds: float) -> None:
        """Wait until it seems to take something, or for so long."""
        try:
            select.select((), (self._own,), (), seconds)
        except (OSError, ValueError):
            return

    def close(self) -> bool:
        """Close what was opened; return whether nothing can be written without waiting any more."""
        if self._socket is not None:
            self._socket.close()
        elif self._own != self._number:
            os.close(self._own)
        elif not self.may_wait:
            return False
        self._own, self._socket, self.may_wait = self._number, None, True
        return True


def _kind_of(number: int) -> int:
    try:
        return os.fstat(number).st_mode
    except OSError:
        return 0


def _same_socket(number: int) -> socket.socket | None:
    """Return the socket; each `send` can be told not to wait, so nothing changes for others who share it."""
    try:
        return socket.socket(fileno=os.dup(number))
    except OSError:
        return None


def _opened_anew(number: int) -> int | None:
    """Return the same pipe or terminal, opened so that writing never waits; None where that is refused.

    A terminal in its usual mode says that it can be written to, and then waits in `write` for who shows it. After `su`
    it belongs to somebody else, and without /proc nothing can be opened anew.
    """
    try:
        return os.open(f"/proc/self/fd/{number}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
