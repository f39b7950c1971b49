"""What the files of a history hold, each named by its SHA-256: the same history wherever they lie."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from shared.domain.errors import BadConfig

_CHUNK = 1 << 20


def _inside(name: str) -> str:
    """Refuse a name that would lead out of the folder it is put in."""
    if "\0" in name or any(part in {"", ".", ".."} for part in name.split("/")):
        raise ValueError(f"{name!r} is no name of a file in a folder")
    return name


class FileContent(BaseModel, frozen=True, extra="forbid"):
    """One file: its `name` with that of the folder given (`day/0001.zst`), and its `size` in bytes."""

    name: Annotated[str, AfterValidator(_inside)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, Field(ge=0)]


Given = tuple[FileContent, ...]
"""The files of one path: one, or all of a folder."""


class HistoryContent(BaseModel, frozen=True, extra="forbid"):
    """All files of a history, path by path, and those of how markets resolved."""

    files: tuple[Given, ...]
    resolved: tuple[Given, ...] = ()

    @property
    def id(self) -> str:
        """Name the history by what its files hold; their names are no part of it."""
        name = hashlib.sha256()
        for part in (self.files, self.resolved):
            name.update(f"{len(part)};".encode())
            for given in part:
                for file in given:
                    name.update(bytes.fromhex(file.sha256))
        return name.hexdigest()[:32]

    @property
    def distinct(self) -> tuple[FileContent, ...]:
        """Return each content once."""
        every = (file for part in (self.files, self.resolved) for given in part for file in given)
        return tuple({file.sha256: file for file in every}.values())

    @property
    def size(self) -> int:
        """Return the bytes of each content, once."""
        return sum(file.size for file in self.distinct)


def read_content(files: Sequence[Path], resolved: Sequence[Path] = ()) -> HistoryContent:
    """Read what files hold, of a folder all files in it.

    Raises:
        BadConfig: one is not there, or cannot be read.
    """
    return HistoryContent(files=tuple(map(_given, files)), resolved=tuple(map(_given, resolved)))


def content_places(
    content: HistoryContent, files: Sequence[Path], resolved: Sequence[Path]
) -> Iterator[tuple[FileContent, Path]]:
    """Yield each file with where it lies, of the paths that `content` was read from."""
    for given, path in zip((*content.files, *content.resolved), (*files, *resolved), strict=True):
        for file in given:
            yield file, path.resolve().parent / file.name


def file_digest(file: Path) -> bytes:
    """Return the SHA-256 of a file.

    Raises:
        BadConfig: it is not there, or cannot be read.
    """
    found = hashlib.sha256()
    try:
        with file.open("rb") as data:
            while chunk := data.read(_CHUNK):
                found.update(chunk)
    except OSError as error:
        raise BadConfig(f"{file}: {error.strerror or error}") from error
    return found.digest()


def _given(path: Path) -> Given:
    path = path.resolve()
    inside = sorted(found for found in path.rglob("*") if found.is_file()) if path.is_dir() else [path]
    return tuple(_content(file, file.relative_to(path.parent).as_posix()) for file in inside)


def _content(file: Path, name: str) -> FileContent:
    return FileContent(name=name, sha256=file_digest(file).hex(), size=file.stat().st_size)
