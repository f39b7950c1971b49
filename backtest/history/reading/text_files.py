"""The texts and tables inside a file: plain, gzipped, or in an archive with folders and what a Mac leaves there."""

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, TextIO

from shared.domain.errors import BadConfig

ZIP, GZIP, PARQUET = b"PK\x03\x04", b"\x1f\x8b", b"PAR1"
EMPTY_ZIP = b"PK\x05\x06"
_SHEETS = (b"\xd0\xcf\x11\xe0",)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BEGIN = 8


@dataclass
class FileMember:
    """One file's bytes, under its own name and its archive's.

    `begins` is what it begins with, `place` how far the whole file is read, in its bytes, packed or not.
    """

    name: str
    content: IO[bytes]
    begins: bytes
    place: Callable[[], int]

    @property
    def is_parquet(self) -> bool:
        """Say whether it is a table in Parquet."""
        return self.begins.startswith(PARQUET)

    @cached_property
    def text(self) -> TextIO:
        """Return it as text; kept, as it must not be closed before the file is."""
        encoding = "utf-16" if self.begins.startswith(_UTF16) else "utf-8-sig"
        return io.TextIOWrapper(self.content, encoding=encoding, errors="replace", newline="")


def file_members(path: Path) -> Iterator[FileMember]:
    """Yield what a file holds, each open until the next one is asked for.

    Raises:
        BadConfig: no such file, its archive is broken, or it is a spreadsheet.
    """
    try:
        with path.open("rb") as file:
            yield from _members(path.name, file, file.tell)
    except (OSError, EOFError) as error:
        raise BadConfig(f"{path}: {getattr(error, 'strerror', None) or error}") from error
    except zipfile.BadZipFile as error:
        raise BadConfig(f"{path}: not a zip archive: {error}") from error


def file_texts(path: Path) -> Iterator[tuple[str, TextIO]]:
    """Yield each text in a file with its name.

    Raises:
        BadConfig: as `file_members`.
    """
    for member in file_members(path):
        yield member.name, member.text


def _members(name: str, file: IO[bytes], place: Callable[[], int]) -> Iterator[FileMember]:
    begins = file.read(_BEGIN)
    file.seek(0)
    if begins.startswith((ZIP, EMPTY_ZIP)):
        with zipfile.ZipFile(file) as archive:
            yield from _unzipped(name, archive, place)
    elif begins.startswith(GZIP):
        with gzip.open(file) as packed:
            yield from _members(name, packed, place)  # type: ignore[arg-type] - it reads bytes
    elif begins.startswith(_SHEETS):
        raise BadConfig(f"{name}: a spreadsheet; save it as CSV (token ids as text)")
    else:
        yield FileMember(name, file, begins, place)


def _unzipped(name: str, archive: zipfile.ZipFile, place: Callable[[], int]) -> Iterator[FileMember]:
    if "[Content_Types].xml" in archive.namelist():
        raise BadConfig(f"{name}: a spreadsheet; save it as CSV (token ids as text)")
    for inner in archive.infolist():
        if inner.is_dir() or _is_litter(PurePosixPath(inner.filename)):
            continue
        with archive.open(inner) as member:
            yield from _members(f"{name}/{inner.filename}", member, place)


def _is_litter(path: PurePosixPath) -> bool:
    """Say whether an archive's member is a system's own: a Mac's resource forks, hidden files."""
    return "__MACOSX" in path.parts or path.name.startswith(".")
