"""A capture: the streams as JSON lines, each event kept letter for letter.

The first line is the header, `{"capture":1,"started_at_ms":...,"seq":...,"accounts":{...}}`: the ledger's balances
where the capture begins ({} at the very beginning). Every other line is one stream entry,
`{"stream":"hs:signals","entry":"1763...-0","event":{...}}`. They stand in a plain file (`.jsonl`), whose last line a
crash may have cut short, or compressed in a folder of segments (`shared/capture/segments.py`). `docs/capture.md` has it
all.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

from shared.capture.segments import SUFFIX, SegmentWriter, list_segments, read_records
from shared.domain.errors import BadConfig, Malformed
from shared.redis.streams import StreamEntry

VERSION = 1
ROTATE_BYTES = 64 << 20
"""A segment's compressed size after which the next one begins."""
_HEADER = '{"capture":'
_EVENT = ',"event":'
_NAMED = '{"event":"'
_OURS = re.compile(r'\{"stream":"([^"\\]+)","entry":"([^"\\]+)","event":(?=\{"event":"(\w+)")')
_END = "}}"


RECORDS = ("lots", "intents", "exits", "gathered", "staked", "left")


@dataclass(frozen=True)
class Header:
    """Where a capture begins: balances in micro-units, and the records kept beside them."""

    started_at_ms: int
    seq: int = 0
    accounts: dict[str, int] = field(default_factory=dict[str, int])
    lots: dict[str, str] = field(default_factory=dict[str, str])
    intents: dict[str, str] = field(default_factory=dict[str, str])
    exits: dict[str, str] = field(default_factory=dict[str, str])
    gathered: dict[str, str] = field(default_factory=dict[str, str])
    staked: dict[str, str] = field(default_factory=dict[str, str])
    left: dict[str, str] = field(default_factory=dict[str, str])


class CaptureWriter(Protocol):
    """Appends entries; each is handed to the system when `write` returns."""

    written: int

    def write(self, entries: Sequence[StreamEntry]) -> None:
        """Append `entries`."""
        ...

    def close(self) -> None:
        """Put everything on disk."""
        ...


class LinesWriter:
    """A new plain file of JSON lines; it is never overwritten."""

    def __init__(self, path: Path, header: Header) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._out = path.open("x", encoding="utf-8")
        self.written = 0
        self._out.write(_header_line(header))
        self._out.flush()

    def write(self, entries: Sequence[StreamEntry]) -> None:
        """Append `entries`."""
        self._out.writelines(_line(entry) for entry in entries)
        self._out.flush()
        self.written += len(entries)

    def close(self) -> None:
        """Put everything on disk."""
        self._out.close()


class FolderWriter:
    """A folder of segments; on one that is there already it goes on where that ends, in a new segment.

    Each segment's header says where each stream stood, so that going on reads the last one only. The first one says
    where the capture begins, and holds the settings of earlier starts in the same record: a crash right after it
    loses nothing.
    """

    def __init__(
        self,
        folder: Path,
        header: Header,
        rotate_bytes: int = ROTATE_BYTES,
        *,
        positions: Mapping[str, str] | None = None,
        settings: Sequence[StreamEntry] = (),
    ) -> None:
        self._folder, self._header, self._rotate_bytes = folder, header, rotate_bytes
        folder.mkdir(parents=True, exist_ok=True)
        self.written = 0
        begun = captured_to(folder)
        self._positions = begun or dict(positions or {})
        self._segment = self._next(() if begun else settings)

    def write(self, entries: Sequence[StreamEntry]) -> None:
        """Append `entries` as one record."""
        if not entries:
            return
        if self._segment.size >= self._rotate_bytes:
            self._segment.close()
            self._segment = self._next()
        self._segment.append("".join(_line(entry) for entry in entries))
        self._positions |= {entry.stream: entry.id for entry in entries}
        self.written += len(entries)

    def close(self) -> None:
        """Put everything on disk."""
        self._segment.close()

    def _next(self, settings: Sequence[StreamEntry] = ()) -> SegmentWriter:
        known = list_segments(self._folder)
        number = int(known[-1].stem) + 1 if known else 1
        segment = SegmentWriter(self._folder / f"{number:06}{SUFFIX}")
        segment.append("".join((_header_line(self._header, self._positions), *map(_line, settings))))
        self.written += len(settings)
        return segment


def captured_to(folder: Path) -> dict[str, str]:
    """Return the last captured entry of each stream in a folder of segments; empty where there is none."""
    for segment in reversed(list_segments(folder)):
        lines = _lines(segment)
        first = next(lines, "")
        if first:
            found: dict[str, str] = json.loads(first)["positions"]
            for entry in (_entry(line, str(segment)) for line in lines):
                if is_after(entry.id, found.get(entry.stream, "0-0")):
                    found[entry.stream] = entry.id
            return found
    return {}


def is_after(entry: str, other: str) -> bool:
    """Say whether a stream's entry id is later than another."""
    return [int(part) for part in entry.split("-")] > [int(part) for part in other.split("-")]


def capture_writer(
    path: Path, header: Header, positions: Mapping[str, str] | None = None, settings: Sequence[StreamEntry] = ()
) -> CaptureWriter:
    """Return what writes to `path`: JSON lines where its name ends in `.jsonl`, else a folder of segments.

    A new capture begins behind `positions`, with the `settings` of earlier starts.

    Raises:
        FileExistsError: a plain capture is never overwritten.
    """
    if path.suffix != ".jsonl":
        return FolderWriter(path, header, positions=positions, settings=settings)
    lines = LinesWriter(path, header)
    lines.write(settings)
    return lines


@dataclass(frozen=True)
class Capture:
    """An opened capture; iterating reads it entry by entry, so months need no memory."""

    path: Path
    header: Header

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the header.

        Raises:
            BadConfig: no such file, or the file is no capture of a version we read.
        """
        try:
            facts = json.loads(next(_lines(path), ""))
            version = facts["capture"]
        except OSError as error:
            raise BadConfig(f"{path}: {error.strerror}; write one with `hybrid capture {path}`") from error
        except (ValueError, KeyError, TypeError, Malformed) as error:
            raise BadConfig(f"{path}: not a capture; write one with `hybrid capture {path}`") from error
        if version != VERSION:
            raise BadConfig(f"{path}: capture version {version!r}; this program reads version {VERSION}")
        records = {kind: facts.get(kind, {}) for kind in RECORDS}
        header = Header(facts["started_at_ms"], facts["seq"], facts["accounts"], **records)
        return cls(path, header)

    def __iter__(self) -> Iterator[StreamEntry]:
        """Yield every whole entry, in the order it was captured.

        Raises:
            Malformed: a line before the last one cannot be read.
        """
        for number, line, ours in self._entries():
            head = _OURS.match(line) if ours else None
            if head is None:
                yield _entry(line, f"{self.path}:{number}")
            else:
                yield StreamEntry(head[1], head[2], {"event": head[3], "json": line[head.end() : -1]})

    def texts(self) -> Iterator[str]:
        """Yield each entry's JSON alone, for who reads millions of events.

        Raises:
            Malformed: as iterating does.
        """
        for number, line, ours in self._entries():
            begin = line.find(_EVENT) + len(_EVENT)
            whole = ours and line.startswith(_NAMED, begin)
            yield line[begin:-1] if whole else _entry(line, f"{self.path}:{number}").json

    def _entries(self) -> Iterator[tuple[int, str, bool]]:
        """Yield each entry's line with its number, and whether it is for certain as we write one.

        In a segment a record's checksum held, so a line is as we wrote it.
        """
        checked = not _plain(self.path)
        for number, line in enumerate(_lines(self.path), start=1):
            if not line.startswith(_HEADER):
                yield number, line, checked and line.endswith(_END)


def is_capture(path: Path) -> bool:
    """Say whether a file begins as a capture does.

    Raises:
        BadConfig: no such file.
    """
    if not _plain(path):
        return True
    try:
        with path.open("rb") as file:
            return file.read(len(_HEADER)) == _HEADER.encode()
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error


def _lines(path: Path) -> Iterator[str]:
    """Yield every whole line of a plain file, a segment or a folder of segments, without its end."""
    if _plain(path):
        with path.open(encoding="utf-8", newline="\n") as lines:
            yield from (line[:-1] for line in lines if line.endswith("\n"))
        return
    for segment in list_segments(path) if path.is_dir() else [path]:
        for record in read_records(segment):
            yield from record.removesuffix("\n").split("\n")


def _plain(path: Path) -> bool:
    return not path.is_dir() and path.suffix != SUFFIX


def _header_line(header: Header, positions: Mapping[str, str] | None = None) -> str:
    facts = {
        "capture": VERSION,
        "started_at_ms": header.started_at_ms,
        "seq": header.seq,
        "accounts": header.accounts,
        "lots": header.lots,
        "intents": header.intents,
        "exits": header.exits,
        "gathered": header.gathered,
        **{kind: found for kind in ("staked", "left") if (found := getattr(header, kind))},
        "positions": positions or {},
    }
    return json.dumps(facts, separators=(",", ":")) + "\n"


def _line(entry: StreamEntry) -> str:
    head = json.dumps({"stream": entry.stream, "entry": entry.id}, separators=(",", ":"))[:-1]
    return f"{head}{_EVENT}{_whole(entry.json)}}}\n"


def _whole(text: str) -> str:
    """Return a JSON object on one line as it is; anything else (a poison entry) as a JSON string."""
    try:
        whole = isinstance(json.loads(text), dict) and "\n" not in text
    except (ValueError, RecursionError):
        whole = False
    return text if whole else json.dumps(text)


def _entry(line: str, where: str) -> StreamEntry:
    try:
        facts: dict[str, Any] = json.loads(line)
        event = facts["event"]
        text = event if isinstance(event, str) else line[line.index(_EVENT) + len(_EVENT) : -1]
        name = "" if isinstance(event, str) else str(event.get("event", ""))
        return StreamEntry(facts["stream"], facts["entry"], {"event": name, "json": text})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"{where}: not a captured entry: {line[:80]!r}") from error
