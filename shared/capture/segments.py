r"""Segments of a capture: compressed, appended to, checked, whole up to the last record that was written whole.

| part of a segment | bytes |
|---|---|
| mark | `HSCAPT2\n` |
| each record | length (4, little-endian), CRC-32 of what follows (4), as many bytes of one zstandard stream |

The stream is flushed at the end of each record, so a record can be read as soon as it stands there, and yet records
compress by what came before them. A crash can tear the last record only, or the mark. That is left out, and never
appended to: each start begins a segment (`docs/capture.md`).
"""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import zstandard

from shared.domain.errors import Malformed

MARK = b"HSCAPT2\n"
SUFFIX = ".hsc"
LARGEST_RECORD = 1 << 28
_HEAD = struct.Struct("<II")
_LEVEL = 6


class SegmentWriter:
    """Writes one new segment; each record is handed to the system when `append` returns, and on disk after `close`."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("xb")
        self._stream = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
        self._file.write(MARK)
        self.size = len(MARK)

    def append(self, text: str) -> None:
        """Write one record."""
        packed = self._stream.compress(text.encode()) + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
        self._file.write(_HEAD.pack(len(packed), zlib.crc32(packed)) + packed)
        self._file.flush()
        self.size += _HEAD.size + len(packed)

    def close(self) -> None:
        """Put everything on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def read_records(path: Path) -> Iterator[str]:
    """Yield each whole record of a segment; a torn end is left out.

    Raises:
        Malformed: it is no segment, or something before its end is damaged.
    """
    stream = zstandard.ZstdDecompressor().decompressobj()
    with path.open("rb") as file:
        mark = file.read(len(MARK))
        if mark != MARK and any(mark) and not MARK.startswith(mark):
            raise Malformed(f"{path}: not a segment of a capture")
        while head := file.read(_HEAD.size):
            at = file.tell()
            length, check = _HEAD.unpack(head) if len(head) == _HEAD.size else (0, 0)
            packed = file.read(length) if length <= LARGEST_RECORD else b""
            if not length or len(packed) < length or zlib.crc32(packed) != check:
                if any(file.read()):
                    raise Malformed(f"{path}: damaged at byte {at}, before its end; restore it from a copy")
                return
            yield stream.decompress(packed).decode()


def list_segments(folder: Path) -> list[Path]:
    """Return a folder's segments in order."""
    return sorted(folder.glob(f"[0-9]*{SUFFIX}"))
