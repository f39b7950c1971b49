"""A capture: the streams as JSON lines, each event kept letter for letter.

The first line is the header, `{"capture":1,"started_at_ms":...,"seq":...,"accounts":{...}}`: the ledger's balances
where the capture begins ({} at the very beginning). Every other line is one stream entry,
`{"stream":"hs:signals","entry":"1763...-0","event":{...}}`. A line that a crash cut short is the last one; it is
left out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TextIO

from shared.errors import BadConfig, Malformed
from shared.streams import Entry

VERSION = 1
_FIRST = b'{"capture"'
_EVENT = ',"event":'


@dataclass(frozen=True)
class Header:
    """Where a capture begins: balances in micro-units, and the records of lots and of orders under way."""

    started_at_ms: int
    seq: int = 0
    accounts: dict[str, int] = field(default_factory=dict[str, int])
    lots: dict[str, str] = field(default_factory=dict[str, str])
    intents: dict[str, str] = field(default_factory=dict[str, str])


class CaptureWriter:
    """Appends entries to a file; each line is complete when `write` returns."""

    def __init__(self, out: TextIO, header: Header) -> None:
        self._out = out
        self.written = 0
        facts = {
            "capture": VERSION,
            "started_at_ms": header.started_at_ms,
            "seq": header.seq,
            "accounts": header.accounts,
            "lots": header.lots,
            "intents": header.intents,
        }
        self._out.write(json.dumps(facts, separators=(",", ":")) + "\n")
        self._out.flush()

    def write(self, entries: list[Entry]) -> None:
        """Append `entries`."""
        for entry in entries:
            self._out.write(_line(entry))
        self._out.flush()
        self.written += len(entries)


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
            with path.open(encoding="utf-8") as lines:
                facts = json.loads(lines.readline())
            version = facts["capture"]
        except OSError as error:
            raise BadConfig(f"{path}: {error.strerror}; write one with `hybrid capture {path}`") from error
        except (ValueError, KeyError, TypeError) as error:
            raise BadConfig(f"{path}: not a capture; write one with `hybrid capture {path}`") from error
        if version != VERSION:
            raise BadConfig(f"{path}: capture version {version!r}; this program reads version {VERSION}")
        lots, intents = facts.get("lots", {}), facts.get("intents", {})
        header = Header(facts["started_at_ms"], facts["seq"], facts["accounts"], lots, intents)
        return cls(path, header)

    def __iter__(self) -> Iterator[Entry]:
        """Yield every whole entry, in the order it was captured.

        Raises:
            Malformed: a line before the last one cannot be read.
        """
        with self.path.open(encoding="utf-8", newline="\n") as lines:
            lines.readline()
            for number, line in enumerate(lines, start=2):
                if line.endswith("\n"):
                    yield _entry(line, f"{self.path}:{number}")


def is_capture(path: Path) -> bool:
    """Say whether a file begins as a capture does.

    Raises:
        BadConfig: no such file.
    """
    try:
        with path.open("rb") as file:
            return file.read(len(_FIRST)) == _FIRST
    except OSError as error:
        raise BadConfig(f"{path}: {error.strerror}") from error


def _line(entry: Entry) -> str:
    head = json.dumps({"stream": entry.stream, "entry": entry.id}, separators=(",", ":"))[:-1]
    return f"{head}{_EVENT}{_whole(entry.json)}}}\n"


def _whole(text: str) -> str:
    """Return a JSON object on one line as it is; anything else (a poison entry) as a JSON string."""
    try:
        whole = isinstance(json.loads(text), dict) and "\n" not in text
    except (ValueError, RecursionError):
        whole = False
    return text if whole else json.dumps(text)


def _entry(line: str, where: str) -> Entry:
    try:
        facts: dict[str, Any] = json.loads(line)
        event = facts["event"]
        text = event if isinstance(event, str) else line[line.index(_EVENT) + len(_EVENT) : -2]
        name = "" if isinstance(event, str) else str(event.get("event", ""))
        return Entry(facts["stream"], facts["entry"], {"event": name, "json": text})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(f"{where}: not a captured entry: {line[:80]!r}") from error
