"""A place that all machines see, by fsspec: a shared folder, S3, HTTP; each file under its SHA-256."""

import re
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from backtest.sweep.contents import FileContent
from shared.domain.errors import BadConfig, DependencyMissing, Unavailable

_CHUNK = 1 << 20
_USER = re.compile(r"//[^/@\s]+@")
_FIX = "give a folder, or a URL whose kind fsspec knows; s3:// needs `pip install s3fs`, http:// `pip install aiohttp`"


class _FileSystem(Protocol):
    """What is used of fsspec's `AbstractFileSystem`, which leaves most of it untyped."""

    transaction: AbstractContextManager[Any]

    def open(self, path: str, mode: str) -> AbstractContextManager[BinaryIO]: ...

    def size(self, path: str) -> int | None: ...


class SharedStore:
    """The place that SWEEP_STORE names. What is stored stays: the owner of the place decides how long."""

    def __init__(self, url: str) -> None:
        """Find who speaks to `url`; nothing is asked there yet.

        Raises:
            DependencyMissing: fsspec, or what it needs for this kind of place, is not installed.
            BadConfig: no such kind.
        """
        try:
            from fsspec.core import (  # noqa: PLC0415 - only who has a store needs it
                url_to_fs,  # pyright: ignore[reportUnknownVariableType] - its arguments are untyped
            )
            from fsspec.utils import get_protocol  # noqa: PLC0415 - as above
        except ImportError as error:
            raise DependencyMissing("SWEEP_STORE needs fsspec: pip install 'hybrid-signals[sweep]'") from error
        local: dict[str, Any] = {"auto_mkdir": True} if get_protocol(url) in {"file", "local"} else {}
        self.shown = _shown(url)
        try:
            found = cast("tuple[_FileSystem, str]", url_to_fs(url, **local))
        except ImportError as error:
            raise DependencyMissing(f"SWEEP_STORE={self.shown}: {error}; {_FIX}") from error
        except ValueError as error:
            raise BadConfig(f"SWEEP_STORE={self.shown}: {error}; {_FIX}") from error
        self._system, self._root = found

    def put(self, file: FileContent, path: Path) -> bool:
        """Store a file unless it is there; say whether it was stored.

        Raises:
            Unavailable: the place does not take it.
        """
        with self._answering(file):
            if self._size(file) == file.size:
                return False
            with self._system.transaction, path.open("rb") as data, self._system.open(self._place(file), "wb") as out:
                while chunk := data.read(_CHUNK):
                    out.write(chunk)
        return True

    def fetch(self, file: FileContent) -> Iterator[bytes]:
        """Yield what a file holds.

        Raises:
            Unavailable: it is not there, or the place does not answer.
        """
        with self._answering(file), self._system.open(self._place(file), "rb") as data:
            while chunk := data.read(_CHUNK):
                yield chunk

    def _place(self, file: FileContent) -> str:
        return f"{self._root.rstrip('/')}/{file.sha256}"

    def _size(self, file: FileContent) -> int | None:
        try:
            return self._system.size(self._place(file))
        except FileNotFoundError:
            return None

    @contextmanager
    def _answering(self, file: FileContent) -> Generator[None]:
        """Name what the place says; the libraries behind fsspec have errors of their own."""
        try:
            yield
        except Exception as error:  # each kind of place raises its own library's errors
            said = _USER.sub("//", f"{type(error).__name__}: {error}".strip(": "))
            raise Unavailable(
                f"{file.name}: not to be had as {self.shown}/{file.sha256} ({said}); who may write there only by "
                "hand puts it there under this name"
            ) from error


def _shown(url: str) -> str:
    """Return a place without user, password and what stands behind a question mark."""
    return _USER.sub("//", url.partition("?")[0]).rstrip("/")
